"""The columns of a table of reports as arrays: types, nulls and whole numbers, each refused by row and column."""

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
#: The end of a sentence that refuses a table.
WRITTEN = "docs/reports.md says which columns a table of reports has"


@dataclass(frozen=True)
class ReportColumns:
    """A table's columns by name."""

    path: Path
    table: pyarrow.Table

    @property
    def time_column(self) -> str:
        """The name of the column that holds the time."""
        return next(name for name in TIME_COLUMNS if name in self.table.column_names)

    def refuse(self, row: int, name: str, why: str) -> NoReturn:
        """Refuses a value.

        Raises:
            StoreError: always.
        """
        value = self.table.column(name)[row].as_py()
        said = "" if value is None else f" {value}"
        raise StoreError(f"{self.path}, row {row}: {name}{said} {why}")

    def refuse_type(self, name: str, wanted: str) -> NoReturn:
        """Refuses a column for its type.

        Raises:
            StoreError: always.
        """
        kind = self.table.schema.field(name).type
        raise StoreError(f"{self.path}: column {name} holds {kind} where {wanted} are needed; {WRITTEN}")

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

        if name not in self.table.column_names:
            return np.full(self.table.num_rows, np.nan)
        found = self.column(name)
        if types.is_null(found.type):
            return np.full(self.table.num_rows, np.nan)
        if types.is_decimal(found.type):
            found = found.cast("float64")
        if not (types.is_integer(found.type) or types.is_floating(found.type)):
            self.refuse_type(name, "numbers")
        values = np.asarray(found.to_numpy(zero_copy_only=False), np.float64)
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            self.refuse(int(infinite[0]), name, "is not finite; leave it null where it is not known")
        return values

    def whole(self, name: str, missing: int | None = None) -> Int[np.ndarray, " row"]:
        """A column of whole numbers.

        Args:
            name: of the column.
            missing: what null stands for; None where it must not be.

        Raises:
            StoreError: it holds other than whole numbers, or null where it must not.
        """
        values = self.numbers(name)
        null = np.flatnonzero(np.isnan(values))
        if missing is None and len(null):
            self.refuse(int(null[0]), name, "is null; every row needs one")
        filled = np.where(np.isnan(values), 0 if missing is None else missing, values)
        odd = np.flatnonzero((filled != np.round(filled)) | (np.abs(filled) >= 2**53))
        if len(odd):
            self.refuse(int(odd[0]), name, "is no whole number of a usual size; correct it")
        return filled.astype(np.int64)

    def truths(self, name: str) -> Bool[np.ndarray, " row"]:
        """A column of true and false, also as 1 and 0.

        Raises:
            StoreError: it holds anything else, or null.
        """
        from pyarrow import types

        found = self.column(name)
        if types.is_boolean(found.type):
            null = np.flatnonzero(np.asarray(found.is_null().to_numpy(zero_copy_only=False), bool))
            if len(null):
                self.refuse(int(null[0]), name, "is null; every row needs true or false")
            return np.asarray(found.to_numpy(zero_copy_only=False), bool)
        values = self.whole(name)
        odd = np.flatnonzero((values != 0) & (values != 1))
        if len(odd):
            self.refuse(int(odd[0]), name, "is neither true nor false")
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
        odd = np.flatnonzero(~np.isin(texts, TECHNOLOGIES))
        if len(odd):
            known = ", ".join(TECHNOLOGIES[1:])
            self.refuse(int(odd[0]), name, f"is none of {known}; leave it null where it is not known")
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
        null = np.flatnonzero(np.asarray(found.is_null().to_numpy(zero_copy_only=False), bool))
        if len(null):
            self.refuse(int(null[0]), name, "is null; every row needs one")
        codes = found.combine_chunks().dictionary_encode().indices
        return np.asarray(codes.to_numpy(zero_copy_only=False), np.int64)
