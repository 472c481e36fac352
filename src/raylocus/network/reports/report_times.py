"""The time of a table's rows: seconds, whatever unit or calendar the table counts in."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.errors import StoreError
from raylocus.network.reports.report_columns import TIME_COLUMNS, ReportColumns

#: Seconds in the units that a column may state, by its name or its metadata `units`.
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
#: Times since 1970 from which a number cannot be of a unit any more [that unit]: 1e11 s is the year 5138.
_CALENDAR = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))
#: Steps of a column without a unit from which they could as well be milliseconds; reports come every 0.12 s to 30 min.
DOUBTFUL_STEP = 100.0
#: Half of the steps are shorter than this where days were counted [s]; no phone reports so often.
SHORTEST_STEP = 1e-3


def token_times(columns: ReportColumns) -> tuple[Float[np.ndarray, " token"], tuple[str, ...]]:
    """Time of every row [s], from the table's own zero, and notes on how it was read.

    Raises:
        StoreError: a time is missing or no number, there are several columns of time, or its unit is in doubt.
    """
    from pyarrow import types

    present = [name for name in TIME_COLUMNS if name in columns.table.column_names]
    if len(present) > 1:
        raise StoreError(f"{columns.path} has the columns {' and '.join(present)}; keep one of them")
    (name,) = present
    kind = columns.table.schema.field(name).type
    if types.is_timestamp(kind) or types.is_duration(kind):
        return _since_first(columns, name)
    values = columns.numbers(name)
    null = np.flatnonzero(np.isnan(values))
    if len(null):
        columns.refuse(int(null[0]), name, "is null; every row needs one")
    return _in_seconds(columns, name, values)


def _since_first(columns: ReportColumns, name: str) -> tuple[Float[np.ndarray, " token"], tuple[str, ...]]:
    import pyarrow

    found = columns.table.column(name)
    null = np.flatnonzero(np.asarray(found.is_null().to_numpy(zero_copy_only=False), bool))
    if len(null):
        columns.refuse(int(null[0]), name, "is null; every row needs one")
    unit = found.type.unit
    counts = np.asarray(found.cast(pyarrow.int64()).to_numpy(), np.int64)
    seconds = (counts - counts.min(initial=np.iinfo(np.int64).max)) * UNITS[unit]
    what = "dates" if hasattr(found.type, "tz") else "spans of time"
    return seconds.astype(np.float64), (f"{name} holds {what}, counted in seconds from the earliest",)


def _in_seconds(
    columns: ReportColumns, name: str, values: Float[np.ndarray, " token"]
) -> tuple[Float[np.ndarray, " token"], tuple[str, ...]]:
    stated = _stated_unit(columns, name)
    if stated is not None:
        factor = UNITS[stated]
        return values * factor if factor != 1 else values, () if factor == 1 else (
            f"{name} read as {stated}",
        )
    largest = float(np.abs(values).max(initial=0.0))
    for least, unit in _CALENDAR:
        if largest >= least:
            return (values - values.min()) * UNITS[unit], (f"{name} read as {unit} since 1970",)
    _refuse_doubtful(columns, name, values)
    return values, ()


def _stated_unit(columns: ReportColumns, name: str) -> str | None:
    if name != "time":
        return name.removeprefix("time_")
    metadata = columns.table.schema.field(name).metadata or {}
    unit = metadata.get(b"units", b"").decode(errors="replace")
    return unit if unit in UNITS else None


def _refuse_doubtful(columns: ReportColumns, name: str, values: Float[np.ndarray, " token"]) -> None:
    """Whole steps of a hundred and more, and none smaller, may be milliseconds; fractions of one may be days."""
    steps = np.diff(values)[_within_sequences(columns)]
    steps = np.abs(steps[steps != 0])
    if len(steps) and np.median(steps) < SHORTEST_STEP:
        columns.refuse(
            int(np.flatnonzero(np.diff(values))[0]) + 1,
            name,
            f"is {np.median(steps):.2g} after the report before, in the median: too short for seconds; days or other "
            "units have to be converted to seconds",
        )
    if len(steps) and steps.min() >= DOUBTFUL_STEP and np.all(steps == np.round(steps)):
        row = int(np.flatnonzero(np.abs(np.diff(values)) >= DOUBTFUL_STEP)[0]) + 1
        columns.refuse(
            row,
            name,
            f"is {abs(values[row] - values[row - 1]):g} from the row before, seconds or milliseconds: rename the "
            "column time_s or time_ms, whichever it is",
        )


def _within_sequences(columns: ReportColumns) -> np.ndarray:
    sequence = columns.names("sequence")
    return np.asarray(sequence[1:] == sequence[:-1])
