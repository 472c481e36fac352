"""One line of a site file, with raylocus's units; and the table that such lines are of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import InputError
from raylocus.scenes.site_import.csv_text import CsvLines

#: How lists write that a value is not known, where the field should be empty.
NO_VALUE = ("nan", "null", "none", "n/a", "na", "#n/a", "-", "--", "nil", "unknown", "?")


@dataclass(frozen=True)
class SiteRecord:
    """One cell as a file states it; None where the file does not."""

    line: int
    """Number of the line in the file, from 1."""
    latitude: float
    """WGS84 [degrees]."""
    longitude: float
    """WGS84 [degrees]."""
    site: str | None = None
    """Name of the site; cells of one name and position are one site."""
    height: float | None = None
    """Antenna centre above ground [m]."""
    azimuth: float | None = None
    """Boresight [rad], counter-clockwise from east."""
    downtilt: float | None = None
    """Boresight below the horizon [rad]."""
    pci: int | None = None
    """Physical cell identity."""
    network: str = "all"
    """What the carrier is called in the file, e.g. `EARFCN 6300`; cells of two networks are never mixed."""
    frequency: float | None = None
    """Carrier frequency [Hz]."""
    lte: bool = False
    """Whether the cell is LTE's, whose subcarriers are 15 kHz apart."""
    unnamed: bool = False
    """Whether the file says nothing of its technology, neither by name nor by channel."""
    channel: int | None = None
    """Downlink EARFCN or NR-ARFCN."""
    operator: str = ""
    """MCC and MNC as `262-1`."""
    identity: int | None = None
    """E-UTRAN or NR cell identity."""
    deviation: float = 0.0
    """Standard deviation of the position along each axis [m]; 0 where it was surveyed."""
    antenna: str | None = None
    """Name of the antenna's measured pattern."""
    by_band: bool = False
    """Whether the frequency is the middle of a band, for want of a channel number."""
    power_dbm: float | None = None
    """Total transmit power [dBm]."""
    rows: int | None = None
    """Rows of the antenna array."""
    columns: int | None = None
    """Columns of the antenna array."""
    beams: int | None = None
    """SSB beams."""


@dataclass(frozen=True)
class Row:
    """One line of a CSV file by its column names, and where it stands."""

    path: Path
    line: int
    values: Mapping[str, str]

    def number(
        self,
        column: str | None,
        low: float,
        high: float,
        convert: Callable[[float], float] | None = None,
    ) -> float | None:
        """The number in a column, None where the column or the value is missing.

        Args:
            column: its name.
            low: smallest value that can be, in raylocus's unit.
            high: largest.
            convert: from the column's unit to raylocus's.

        Raises:
            InputError: it is no number, or beyond its range.
        """
        text = self.text(column)
        if text is None:
            return None
        try:
            value = float(text)
            converted = value if convert is None else convert(value)
        except ValueError as error:
            raise InputError(f"{self.where}: {column} {text!r} is not a number{_remedy(text)}") from error
        if not low <= converted <= high:
            given = "" if convert is None or math.isnan(value) else f" ({converted:g} in raylocus's unit)"
            raise InputError(
                f"{self.where}: {column} {text}{given} is not between {low:g} and {high:g}; correct it, or leave it "
                "empty where it is not known"
            )
        return converted

    def integer(self, column: str | None, low: int, high: int) -> int | None:
        """The whole number in a column, None where the column or the value is missing.

        Raises:
            InputError: it is no whole number, or beyond its range.
        """
        value = self.number(column, float(low), float(high))
        if value is not None and value != int(value):
            raise InputError(f"{self.where}: {column} {value:g} is not a whole number; correct it")
        return None if value is None else int(value)

    def text(self, column: str | None) -> str | None:
        """The text in a column, None where the column or the value is missing."""
        return None if column is None else (self.values.get(column, "").strip() or None)

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.path}, line {self.line}"


@dataclass(frozen=True)
class Table:
    """The lines of a file below its header."""

    path: Path
    header: tuple[str, ...]
    """Names of the columns that have one, in the file's order."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    """What was left out or decided on the way."""

    def unused(self, used: Sequence[str | None]) -> str | None:
        """A note that names every column that was not used; None where all were."""
        left = [name for name in self.header if name not in used]
        return f"columns not used: {', '.join(left)}" if left else None


def table_of(found: CsvLines, header: Sequence[str] | None) -> Table:
    """The table of a file's lines.

    Args:
        found: the lines.
        header: names of the columns where the first line is data already, else None.

    Raises:
        InputError: two columns have one name, a line has more values than there are columns, or there is none.
    """
    body = found.lines if header is not None else found.lines[1:]
    given = found.lines[0][1] if header is None else header
    names = [name.strip().strip("\ufeff") for name in given]
    twice = [name for name, count in Counter(name.lower() for name in names if name).items() if count > 1]
    if twice:
        raise InputError(f"{found.path} has two columns {twice[0]!r}; rename or remove one of them")
    rows = tuple(_row(found.path, number, values, names) for number, values in body)
    if not rows:
        raise InputError(f"{found.path} has no line below its header; give a file with one cell a line")
    nameless = sum(
        any(index < len(values) and values[index].strip() for _, values in body)
        for index, name in enumerate(names)
        if not name
    )
    notes = (f"columns without a name, not used: {nameless}",) if nameless else ()
    return Table(found.path, tuple(name for name in names if name), rows, found.notes + notes)


def _row(path: Path, number: int, values: list[str], names: list[str]) -> Row:
    """A line by its columns; empty values beyond the header, which a trailing separator makes, are none."""
    if any(value.strip() for value in values[len(names) :]):
        raise InputError(
            f"{path}, line {number}: {len(values)} values for {len(names)} columns; write decimals with a point "
            "and quote text that holds the separator"
        )
    return Row(path, number, {name: value for name, value in zip(names, values, strict=False) if name})


def _remedy(text: str) -> str:
    """What to do about a text that should be a number."""
    if "," in text:
        return "; write decimals with a point"
    if text.lower() in NO_VALUE or not any(sign.isdigit() for sign in text):
        return "; leave it empty where it is not known"
    if text.lower().startswith("0x"):
        return "; write it as a decimal number"
    if any(sign in text.lstrip("'") for sign in "°'′\"″"):
        return "; write degrees as a decimal number such as 47.4994"
    return "; write the number alone, with its unit in the column's name"


@dataclass(frozen=True)
class SiteList:
    """The cells of a file."""

    records: tuple[SiteRecord, ...]
    """Cells of LTE and NR, in the file's order or gathered into sites."""
    notes: tuple[str, ...]
    """Which columns were read and which not, and what was left out, one sentence each."""
