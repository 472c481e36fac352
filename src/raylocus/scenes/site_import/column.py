"""One column of a site file: the field that it holds, and its unit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.site_import.quantities import QUANTITIES
from raylocus.scenes.site_import.records import Row


@dataclass(frozen=True)
class Column:
    """A column that holds a field."""

    field: str
    name: str
    """In the file's header."""
    unit: str = ""
    """A unit of the field's quantity; "" is raylocus's own."""
    unit_column: str | None = None
    """The column that states the unit, where one does."""

    @property
    def convert(self) -> Callable[[float], float] | None:
        """From the column's unit to raylocus's; None where they are one."""
        return QUANTITIES[self.field].units[self.unit] if self.unit else None

    def number(self, row: Row, low: float, high: float) -> float | None:
        """The number that a line has in it, in raylocus's unit, see `Row.number`.

        Raises:
            InputError: it is no number, or beyond its range; the message names a unit in which it would not be.
        """
        try:
            return row.number(self.name, low, high, self.convert)
        except InputError as error:
            raise InputError(f"{error}{self._advice(row, low, high)}") from error

    def _advice(self, row: Row, low: float, high: float) -> str:
        """What to do about a number beyond its range that states no unit."""
        value = float(row.text(self.name) or "nan") if _is_decimal(row.text(self.name)) else math.nan
        if self.field in ("latitude", "longitude") and abs(value) > 180:
            return "; metres of a projection and other units have to be converted to degrees of WGS84"
        fitting = [unit for unit in QUANTITIES[self.field].units if _fits(self.field, unit, value, low, high)]
        if self.unit or not fitting or math.isnan(value):
            return ""
        return f"; where it is in {fitting[0]}, say so with --site-columns {self.field}={self.name}[{fitting[0]}]"


def _is_decimal(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", text.lower()) is not None


def _fits(field: str, unit: str, value: float, low: float, high: float) -> bool:
    """Whether a number is one of a field if it is in a unit."""
    try:
        return low <= QUANTITIES[field].units[unit](value) <= high
    except ValueError:  # no power has a logarithm at zero or below
        return False
