"""Tables of reports as `Reports`: which columns there must be, their types, and where reports begin.

docs/reports.md is the description for those who write such tables. A table is read by its columns; the
document that `network.reports.parquet.save_parquet` adds is not needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import StoreError
from raylocus.json_text import parse_json
from raylocus.network.reports.features import CRITICAL, SCHEMA, features_named
from raylocus.network.reports.report_columns import TIME_COLUMNS, WRITTEN, ReportColumns, token_times
from raylocus.network.reports.reports import NotedReports, Reports

if TYPE_CHECKING:
    import pyarrow

#: Version of the table.
PARQUET_SCHEMA = "raylocus.reports.table.v1"
#: Columns without which a table is none of reports; the time may have other names, see `token_times`.
NEEDED = ("sequence", "report", "pci", "serving", "rsrp")
#: Columns that may be missing.
OPTIONAL = ("x", "y", "z", "line_of_sight", "beam", "technology", "channel", "identity")
#: How pandas calls an index that it writes as a column.
_INDEX = "__index_level"


def read_report_table(path: Path) -> NotedReports:
    """Reads a Parquet table of tokens, whoever wrote it.

    Raises:
        StoreError: the file is absent, no Parquet, of another schema, lacks a column, or a column holds what
            it cannot; the message names row and column. Rows are counted from 0.
    """
    table = arrow_table(path)
    document = _document(path, table)
    lacking = [name for name in NEEDED if name not in table.column_names]
    if not any(name in table.column_names for name in TIME_COLUMNS):
        lacking.append(TIME_COLUMNS[0])
    if lacking:
        raise StoreError(
            f"{path} has no column {lacking[0]!r}; {WRITTEN} (it has {', '.join(table.column_names[:12])})"
        )
    further = [each.name for each in SCHEMA if each.name in {*table.column_names}.difference(CRITICAL)]
    names = tuple(document.get("features") or (*CRITICAL, *further))
    features_named(names)
    columns = ReportColumns(path, table)
    time, notes = token_times(columns)
    absent = tuple((str(name), str(reason)) for name, reason in document.get("absent", ()))
    reports = _reports(columns, time, names, absent)
    unused = [name for name in table.column_names if not _is_used(name, names)]
    notes += (f"columns not used: {', '.join(unused)}",) if unused else ()
    beams = int(np.isnan(columns.numbers("beam")).sum()) if "beam" in table.column_names else 0
    notes += (f"rows without a beam, read as rows of the whole cell: {beams}",) if beams else ()
    return NotedReports(reports, notes)


def arrow_table(path: Path) -> pyarrow.Table:
    """A Parquet file as an Arrow table.

    Raises:
        StoreError: the file is absent or no Parquet.
    """
    from pyarrow import ArrowException, parquet

    if not path.exists():
        raise StoreError(f"{path} does not exist: there is no Parquet file of reports; check the path")
    try:
        return parquet.ParquetFile(path).read()
    except (OSError, ArrowException, ValueError) as error:
        raise StoreError(f"{path} is no Parquet file of reports, or was cut short; {WRITTEN}") from error


def _document(path: Path, table: pyarrow.Table) -> dict[str, Any]:
    """What `save_parquet` wrote of the table in its metadata; empty where another tool wrote it."""
    text = (table.schema.metadata or {}).get(b"raylocus")
    try:
        document = {} if text is None else parse_json(text)
        found = document.get("schema", PARQUET_SCHEMA)
    except (ValueError, AttributeError) as error:
        raise StoreError(f"{path} has metadata 'raylocus' that is no document; write it again") from error
    if found != PARQUET_SCHEMA:
        raise StoreError(f"{path} has schema {found!r} where {PARQUET_SCHEMA!r} is needed")
    known = {feature.name for feature in SCHEMA}
    named = document.get("features") or CRITICAL
    if tuple(named[: len(CRITICAL)]) != CRITICAL or not known.issuperset(named):
        raise StoreError(f"{path} holds other report features than this version of raylocus; write it again")
    return document


def _is_used(name: str, features: tuple[str, ...]) -> bool:
    plain = name.removesuffix("_censored")
    return name in (*NEEDED, *OPTIONAL, *TIME_COLUMNS) or plain in features or name.startswith(_INDEX)


def _reports(
    columns: ReportColumns,
    time: Float[np.ndarray, " token"],
    names: tuple[str, ...],
    absent: tuple[tuple[str, str], ...],
) -> Reports:
    begins, begins_sequence = _beginnings(columns)
    _refuse_several_times(columns, time, begins)
    first = np.flatnonzero(begins)
    return Reports(
        report_offsets=_offsets(begins_sequence[first]),
        token_offsets=_offsets(begins),
        time=time[first],
        position=np.stack([columns.numbers(axis)[first] for axis in "xyz"], axis=1),
        line_of_sight=columns.numbers("line_of_sight")[first],
        pci=columns.whole("pci"),
        technology=columns.technologies("technology"),
        channel=columns.whole("channel", missing=-1),
        identity=columns.whole("identity", missing=-1),
        serving=columns.truths("serving"),
        beam=columns.whole("beam", missing=-1),
        features=np.stack([columns.numbers(name) for name in names], axis=1),
        censored=np.stack(
            [columns.whole(f"{name}_censored", missing=0).astype(np.int8) for name in names], axis=1
        ),
        feature_names=names,
        absent=absent,
    )


def _offsets(begins: Bool[np.ndarray, " row"]) -> Int[np.ndarray, " part_plus_1"]:
    return np.append(np.flatnonzero(begins), len(begins)).astype(np.int64)


def _beginnings(columns: ReportColumns) -> tuple[Bool[np.ndarray, " token"], Bool[np.ndarray, " token"]]:
    """Rows at which a report begins, and rows at which a sequence does.

    A report is known by its sequence and its number together, so that numbers may restart with every phone.
    """
    sequence, report = columns.names("sequence"), columns.whole("report")
    fresh = np.ones(len(report), bool)
    fresh[1:] = sequence[1:] != sequence[:-1]
    begins = fresh.copy()
    begins[1:] |= report[1:] != report[:-1]
    again = fresh.copy()
    again[np.unique(sequence, return_index=True)[1]] = False
    columns.refuse_where(again, "sequence", "comes back after another; sort by sequence and report")
    back = np.flatnonzero(~fresh[1:] & (report[1:] < report[:-1]))
    if len(back):
        columns.refuse(
            int(back[0]) + 1,
            "report",
            f"follows {report[back[0]]} in one sequence: reports of one phone are sorted, and two phones have two "
            "sequence numbers",
        )
    return begins, fresh


def _refuse_several_times(
    columns: ReportColumns, time: Float[np.ndarray, " token"], begins: Bool[np.ndarray, " token"]
) -> None:
    of_report = time[np.flatnonzero(begins)][np.cumsum(begins) - 1]
    name = next(name for name in TIME_COLUMNS if name in columns.table.column_names)
    why = "differs from the report's first row; a report has one time, so give rows of other times other numbers"
    columns.refuse_where(time != of_report, name, why)
