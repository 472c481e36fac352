"""The columns of a table of reports as arrays: types, nulls, whole numbers, times; each refused by row and column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.errors import StoreError
from raylocus.scenes.cell_names.channels import TECHNOLOGIES, technology_codes

if TYPE_CHECKING:
    import pyarrow

#: Columns that may hold the time; exactly one of them.
TIME_COLUMNS = ("time", "time_s", "time_ms")
#: Ends of sentences that refuse a value and a table.
NULL = "is null; every row needs one"
WRITTEN = "docs/reports.md says which columns a table of reports has"


def nulls(column: pyarrow.ChunkedArray) -> Bool[np.ndarray, " row"]:
    """Where a column is null."""
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)


@dataclass(frozen=True)
class ReportColumns:
    """A table's columns by name."""

    path: Path
    table: pyarrow.Table

    def refuse(self, row: int, name: str, why: str) -> NoReturn:
        """Refuses a value.

        Raises:
            StoreError: always.
        """
        value = self.table.column(name)[row].as_py()
        said = "" if value is None else f" {value}"
        raise StoreError(f"{self.path}, row {row}: {name}{said} {why}")

    def refuse_where(self, bad: Bool[np.ndarray, " row"], name: str, why: str) -> None:
        """Refuses the first value that is bad, where any is.

        Raises:
            StoreError: one is.
        """
        if bad.any():
            self.refuse(int(bad.argmax()), name, why)

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """A column, categories replaced by what they stand for."""
        from pyarrow import types

        found = self.table.column(name)
        return found.cast(found.type.value_type) if types.is_dictionary(found.type) else found

    def numbers(self, name: str) -> Float[np.ndarray, " row"]:
        """A column of numbers; NaN where it is null, or where the table has no such column.

        Raises:
            StoreError: it holds no numbers, or an infinite one.
        """
        from pyarrow import types

        found = self.column(name) if name in self.table.column_names else None
        if found is None or types.is_null(found.type):
            return np.full(self.table.num_rows, np.nan)
        if types.is_decimal(found.type):
            found = found.cast("float64")
        if not (types.is_integer(found.type) or types.is_floating(found.type)):
            kind = self.table.schema.field(name).type
            raise StoreError(f"{self.path}: column {name} holds {kind} where numbers are needed; {WRITTEN}")
        values = np.asarray(found.to_numpy(zero_copy_only=False), np.float64)
        self.refuse_where(np.isinf(values), name, "is not finite; leave it null where it is not known")
        return values

    def whole(self, name: str, missing: int | None = None) -> Int[np.ndarray, " row"]:
        """A column of whole numbers.

        `missing` is what null stands for; None where it must not be.

        Raises:
            StoreError: it holds other than whole numbers, or null where it must not.
        """
        values = self.numbers(name)
        if missing is None:
            self.refuse_where(np.isnan(values), name, NULL)
        filled = np.where(np.isnan(values), 0 if missing is None else missing, values)
        odd = (filled != np.round(filled)) | (np.abs(filled) >= 2**53)
        self.refuse_where(odd, name, "is no whole number of a usual size; correct it")
        return filled.astype(np.int64)

    def truths(self, name: str) -> Bool[np.ndarray, " row"]:
        """A column of true and false, also as 1 and 0.

        Raises:
            StoreError: it holds anything else, or null.
        """
        from pyarrow import types

        found = self.column(name)
        if types.is_boolean(found.type):
            self.refuse_where(nulls(found), name, "is null; every row needs true or false")
            return np.asarray(found.to_numpy(zero_copy_only=False), bool)
        values = self.whole(name)
        self.refuse_where((values != 0) & (values != 1), name, "is neither true nor false")
        return values.astype(bool)

    def technologies(self, name: str) -> Int[np.ndarray, " row"]:
        """A column of radio technologies as codes of `TECHNOLOGIES`; 0 where it is null, empty or not there.

        Raises:
            StoreError: it holds anything else.
        """
        if name not in self.table.column_names:
            return np.zeros(self.table.num_rows, np.int8)
        texts = np.array(self.column(name).to_pylist(), object)
        texts[texts == None] = ""  # noqa: E711
        known = ", ".join(TECHNOLOGIES[1:])
        unknown = ~np.isin(texts, TECHNOLOGIES)
        self.refuse_where(unknown, name, f"is none of {known}; leave it null where it is not known")
        return technology_codes(texts.tolist())

    def names(self, name: str) -> Shaped[np.ndarray, " row"]:
        """A column of names, numbers or texts, as numbers that are equal where the names are.

        Raises:
            StoreError: it holds anything else, or null.
        """
        from pyarrow import types

        found = self.column(name)
        if not (types.is_string(found.type) or types.is_large_string(found.type)):
            return self.whole(name)
        self.refuse_where(nulls(found), name, NULL)
        codes = found.combine_chunks().dictionary_encode().indices
        return np.asarray(codes.to_numpy(zero_copy_only=False), np.int64)


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
    columns.refuse_where(np.isnan(values), name, NULL)
    return _in_seconds(columns, name, values)


def _since_first(columns: ReportColumns, name: str) -> tuple[Float[np.ndarray, " token"], tuple[str, ...]]:
    import pyarrow

    found = columns.table.column(name)
    columns.refuse_where(nulls(found), name, NULL)
    unit = found.type.unit
    counts = np.asarray(found.cast(pyarrow.int64()).to_numpy(), np.int64)
    seconds = (counts - counts.min(initial=np.iinfo(np.int64).max)) * UNITS[unit]
    what = "dates" if hasattr(found.type, "tz") else "spans of time"
    return seconds.astype(np.float64), (f"{name} holds {what}, counted in seconds from the earliest",)


def _in_seconds(
    columns: ReportColumns, name: str, values: Float[np.ndarray, " token"]
) -> tuple[Float[np.ndarray, " token"], tuple[str, ...]]:
    metadata = columns.table.schema.field(name).metadata or {}
    named = metadata.get(b"units", b"").decode(errors="replace")
    stated = named if name == "time" else name.removeprefix("time_")
    if stated in UNITS:
        return values * UNITS[stated], () if stated == "s" else (f"{name} read as {stated}",)
    largest = float(np.abs(values).max(initial=0.0))
    for least, unit in _CALENDAR:
        if largest >= least:
            return (values - values.min()) * UNITS[unit], (f"{name} read as {unit} since 1970",)
    _refuse_doubtful(columns, name, values)
    return values, ()


def _refuse_doubtful(columns: ReportColumns, name: str, values: Float[np.ndarray, " token"]) -> None:
    """Whole steps of a hundred and more, and none smaller, may be milliseconds; fractions of one may be days."""
    sequence = columns.names("sequence")
    steps = np.diff(values)[sequence[1:] == sequence[:-1]]
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
