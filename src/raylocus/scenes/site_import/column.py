"""Columns of a site file: the field that one holds, its unit, and the column that a name was meant for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.site_import.quantities import QUANTITIES, squashed
from raylocus.scenes.site_import.records import Row, Table

#: Columns that look like a field and are another quantity, and what they are.
_OTHERS = (
    ("power", r"(?<![a-z])ei?rp(?![a-z])", "may count the antenna's gain too (radiated power)"),
    (
        "power",
        r"(?<![a-z])(c?rs|epre|reference|ref|per re)(?![a-z]).*(power|pwr)|rspwr|rspower",
        "may be that of one resource element, 10 log10(12 N) dB below N resource blocks",
    ),
    ("arfcn", r"(?<![a-z])gscn(?![a-z])", "holds GSCNs, which place the SS block and not the carrier"),
    ("pci", r"(?<![a-z])n_?id_?\(?[12](?![0-9])", "may be a part of it, 3 N_ID1 + N_ID2"),
)
#: Columns that only cells of GSM and UMTS have.
OLDER_RADIOS = {"bcch", "bcchno", "bsic", "ncc", "uarfcn", "dluarfcn", "psc", "scramblingcode", "primaryscramblingcode",
                "rnc", "rncid"}  # fmt: skip
#: Fields that only LTE and NR cells have.
_NEWER_RADIOS = ("technology", "earfcn", "arfcn", "band", "pci")


def refuse_lookalikes(table: Table, found: Mapping[str, str], said: Set[str]) -> None:
    """Refuses a file in which a column looks like a field: its owner would never know that it was not used.

    Args:
        table: of the file.
        found: the name of the column of each field that has one.
        said: fields of which the user's column map says something.

    Raises:
        InputError: there is such a column, with numbers in it.
    """
    for field, quantity in QUANTITIES.items():
        if field in said or _is_settled(field, found):
            continue
        for name in _numeric(table, set(found.values())):
            other = _other(field, name)
            if other is None and not any(stem in squashed(name) for stem in quantity.stems):
                continue
            raise InputError(
                f"{table.path} has a column {name!r} that looks like the {field} but {other or 'is not read as such'}; "
                f"say that it is with --site-columns {field}={name}, or that there is none with "
                f"--site-columns {field}=none"
            )
    _refuse_older_radios(table, found, said)


def _refuse_older_radios(table: Table, found: Mapping[str, str], said: Set[str]) -> None:
    if any(field in found or field in said for field in _NEWER_RADIOS):
        return
    for name in _numeric(table, set(found.values())):
        if squashed(name) in OLDER_RADIOS:
            raise InputError(
                f"{table.path} has a column {name!r}, which cells of GSM or UMTS have, and states no radio of its "
                "cells; add a column radio with LTE, NR, UMTS or GSM, or say that all are LTE's or NR's with "
                "--site-columns technology=none"
            )


def _numeric(table: Table, used: Set[str]) -> list[str]:
    """The columns that hold numbers and are not read."""
    return [
        name
        for name in table.header
        if name not in used and any(_is_numeric(row.text(name)) for row in table.rows)
    ]


def _other(field: str, name: str) -> str | None:
    """What a column is that looks like a field and is another quantity."""
    lower = name.lower()
    return next((what for of, pattern, what in _OTHERS if of == field and re.search(pattern, lower)), None)


def _is_settled(field: str, found: Mapping[str, str]) -> bool:
    """Whether a field has a column, or another that says the same."""
    groups = (("tilt", "mechanical_tilt", "electrical_tilt"), ("earfcn", "arfcn", "frequency", "band"))
    group = next((each for each in groups if field in each), (field,))
    return any(each in found for each in group)


def _is_numeric(text: str | None) -> bool:
    return text is not None and re.match(r"[+-]?[.,]?\d", text) is not None


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
