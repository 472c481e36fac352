"""Reports as Parquet: one row a token, for tools that read tables (needs pyarrow).

Columns: sequence, report, time, x, y, z, line_of_sight, pci, serving, beam, then every feature and, after
it, `NAME_censored`. Each column's unit is in its metadata, under `units`. Reports without a token cannot
exist, so the rows say everything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raylocus.errors import InputError, StoreError
from raylocus.network.features import CRITICAL, features_named
from raylocus.network.reports import Reports
from raylocus.storage import written_whole

if TYPE_CHECKING:
    import pyarrow

#: Version of the table.
PARQUET_SCHEMA = "raylocus.reports.table.v1"


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

    Args:
        reports: what to write.
        first_sequence: number of their first sequence, where they are a part of more.
        first_report: number of their first report.

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
        "serving": reports.serving,
        "beam": reports.beam,
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
    """Reads reports that `save_parquet` wrote.

    Raises:
        StoreError: the file is absent, no Parquet, or not of this schema.
    """
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path)
        document = json.loads((table.schema.metadata or {})[b"raylocus"])
    except (OSError, ArrowException, KeyError, ValueError) as error:
        raise StoreError(f"{path} is no Parquet file of reports; write it with raylocus") from error
    if document.get("schema") != PARQUET_SCHEMA:
        raise StoreError(f"{path} has schema {document.get('schema')!r} where {PARQUET_SCHEMA!r} is needed")
    return table_to_reports(table, tuple(document["features"]), document["absent"])


def table_to_reports(table: pyarrow.Table, names: tuple[str, ...], absent: list[list[str]]) -> Reports:
    """The reports of a table whose rows are in the order of `reports_to_table`.

    Raises:
        StoreError: columns are missing or the rows are in another order.
    """
    features_named(names)
    needed = ("sequence", "report", "time", *"xyz", "line_of_sight", "pci", "serving", "beam", *names)
    lacking = [
        name for name in (*needed, *(f"{name}_censored" for name in names)) if name not in table.column_names
    ]
    if lacking or names[: len(CRITICAL)] != CRITICAL:
        raise StoreError(
            f"the table of reports has no column {(lacking or CRITICAL)[0]!r}; write it with raylocus"
        )
    column = {name: table.column(name).to_numpy() for name in table.column_names}
    order = np.lexsort((column["report"], column["sequence"]))
    if np.any(order != np.arange(len(order))):
        raise StoreError("the table of reports is not sorted by sequence and report; sort it")
    _, first, counts = np.unique(column["report"], return_index=True, return_counts=True)
    sequence = column["sequence"][first]
    lengths = np.unique(sequence, return_counts=True)[1]
    return Reports(
        report_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        token_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        time=column["time"][first],
        position=np.stack([column[axis][first] for axis in "xyz"], axis=1),
        line_of_sight=column["line_of_sight"][first],
        pci=column["pci"],
        serving=column["serving"].astype(bool),
        beam=column["beam"],
        features=np.stack([column[name] for name in names], axis=1),
        censored=np.stack([column[f"{name}_censored"] for name in names], axis=1),
        feature_names=names,
        absent=tuple((str(name), str(reason)) for name, reason in absent),
    )
