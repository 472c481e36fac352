"""Reports as Parquet: one row a token, for tools that read tables (needs pyarrow).

Columns: sequence, report, time, x, y, z, line_of_sight, pci, technology, channel,
identity, serving, beam, then every feature and, after
it, `NAME_censored`. Each column's unit is in its metadata, under `units`. Reports without a token cannot
exist, so the rows say everything. docs/reports.md describes the table to those who write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raylocus.errors import InputError
from raylocus.network.reports.features import features_named
from raylocus.network.reports.report_checks import check_reports
from raylocus.network.reports.report_table import PARQUET_SCHEMA, read_report_table
from raylocus.network.reports.reports import Reports
from raylocus.scenes.cell_names.channels import TECHNOLOGIES
from raylocus.storage import written_whole

if TYPE_CHECKING:
    import pyarrow

#: Units of the columns that every table has; those of features come from their schema.
_UNITS = {"time": "s", "x": "m", "y": "m", "z": "m"}


def save_parquet(reports: Reports, path: Path) -> None:
    """Writes reports as one Parquet file, whole.

    Raises:
        InputError: a report has no token, so that a table would lose it.
        StorageFullError: the disk filled up.
    """
    from pyarrow import parquet

    with written_whole(path) as aside:
        parquet.write_table(reports_to_table(reports), aside, compression="zstd")


def reports_to_table(reports: Reports, first_sequence: int = 0, first_report: int = 0) -> pyarrow.Table:
    """Reports as an Arrow table.

    Sequences and reports are numbered from `first_sequence` and `first_report`, where these are a part of more.

    Raises:
        InputError: a report has no token, so that a table would lose it.
    """
    if np.any(np.diff(reports.token_offsets) == 0):
        raise InputError("a report without any cell cannot be written as a table; leave it out")
    report = reports.report_of_token
    columns = {
        "sequence": reports.sequence_of_report[report] + first_sequence,
        "report": report + first_report,
        "time": reports.time[report],
        **{axis: reports.position[report, index] for index, axis in enumerate("xyz")},
        "line_of_sight": reports.line_of_sight[report],
        "pci": reports.pci,
        "technology": np.array(TECHNOLOGIES)[reports.technology],
        **{name: getattr(reports, name) for name in ("channel", "identity", "serving", "beam")},
    }
    for index, name in enumerate(reports.feature_names):
        columns[name] = reports.features[:, index]
        columns[f"{name}_censored"] = reports.censored[:, index].astype(np.int8)
    features = {feature.name: feature.unit for feature in features_named(reports.feature_names)}
    document = {"schema": PARQUET_SCHEMA, "features": reports.feature_names, "absent": reports.absent}
    return table_with_units(columns, _UNITS | features, document)


def table_with_units(
    columns: Mapping[str, np.ndarray], units: Mapping[str, str], document: Mapping[str, object]
) -> pyarrow.Table:
    """An Arrow table whose columns carry their units ("1" where none is given) and which carries a document."""
    import pyarrow

    arrays = {name: pyarrow.array(values, from_pandas=False) for name, values in columns.items()}
    fields = [
        pyarrow.field(name, array.type, metadata={"units": units.get(name, "1")})
        for name, array in arrays.items()
    ]
    schema = pyarrow.schema(fields, metadata={"raylocus": json.dumps(document)})
    return pyarrow.table(list(arrays.values()), schema=schema)


def load_parquet(path: Path) -> Reports:
    """Reads a Parquet table of reports, whoever wrote it, and checks it.

    Raises:
        StoreError: the file is absent, no Parquet, of another schema, or a column is missing or of a wrong type.
        InputError: it holds what no network can have reported, see `report_checks.check_reports`.
    """
    reports = read_report_table(path).reports
    check_reports(reports, path)
    return reports
