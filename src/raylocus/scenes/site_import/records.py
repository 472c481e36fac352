"""One line of a site file, with raylocus's units; and the reading of such lines from CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import InputError

#: Largest file read [bytes]; the world's cells are larger, a country's are not.
LARGEST_FILE = 512 * 2**20


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

    def number(self, column: str | None, low: float, high: float) -> float | None:
        """The number in a column, None where the column or the value is missing.

        Raises:
            InputError: it is no number, or beyond its range.
        """
        text = self.text(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError as error:
            mend = "; write decimals with a point" if "," in text else ""
            raise InputError(f"{self.where}: {column} {text!r} is not a number{mend}") from error
        if not low <= value <= high:
            raise InputError(f"{self.where}: {column} {text} is not between {low:g} and {high:g}; mend it")
        return value

    def integer(self, column: str | None, low: int, high: int) -> int | None:
        """The whole number in a column, None where the column or the value is missing.

        Raises:
            InputError: it is no whole number, or beyond its range.
        """
        value = self.number(column, float(low), float(high))
        if value is not None and value != int(value):
            raise InputError(f"{self.where}: {column} {value:g} is not a whole number; mend it")
        return None if value is None else int(value)

    def text(self, column: str | None) -> str | None:
        """The text in a column, None where the column or the value is missing."""
        return None if column is None else (self.values.get(column, "").strip() or None)

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.path}, line {self.line}"


def read_rows(path: Path, header_of: Callable[[list[str]], list[str] | None]) -> list[Row]:
    """The lines of a CSV file, separated by commas, semicolons or tabs.

    Args:
        path: the file.
        header_of: given the first line, the column names where that line is data already, else None.

    Raises:
        InputError: the file is absent, empty, no text, or a line has more values than there are columns.
    """
    lines = _lines(path)
    first = lines[0][1]
    given = header_of(first)
    header = [name.strip() for name in first] if given is None else given
    body = lines[1:] if given is None else lines
    rows = []
    for number, values in body:
        if len(values) > len(header):
            raise InputError(
                f"{path}, line {number}: {len(values)} values for {len(header)} columns; write decimals with a point "
                "and quote text that holds the separator"
            )
        rows.append(Row(path, number, dict(zip(header, values, strict=False))))
    if not rows:
        raise InputError(f"{path} has no line below its header; give a file with one cell a line")
    return rows


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Number and values of each line that holds anything."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a CSV file of sites")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(
            f"{path} is larger than {LARGEST_FILE >> 20} MiB; cut out the cells of your place first"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file in UTF-8; export it as CSV in UTF-8") from error
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    try:
        reader = csv.reader(text.splitlines(), delimiter=separator)
        lines = [(reader.line_num, values) for values in reader if any(value.strip() for value in values)]
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); export it again") from error
    if not lines:
        raise InputError(f"{path} is empty; give a CSV file with one cell a line")
    return lines
