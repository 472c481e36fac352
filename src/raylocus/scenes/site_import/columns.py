"""Site files with a header: which column holds what, and in which unit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from raylocus.errors import InputError
from raylocus.scenes.site_import.column import Column, refuse_lookalikes
from raylocus.scenes.site_import.quantities import QUANTITIES, name_and_unit, squashed, unit_of
from raylocus.scenes.site_import.records import Row, Table

#: What a column map says of a field that the file has not.
NO_COLUMN = "none"
#: Two columns of one quantity are the same one where they differ by less than this share.
SAME_SHARE = 0.02
#: Ends of the names of columns that state the unit of another.
_UNIT_ENDS = ("unit", "units", "uom", "unitofmeasure")
#: Fields of which a file may have several columns; the first known name counts.
_BY_PRIORITY = ("latitude", "longitude", "site", "technology", "band")


@dataclass(frozen=True)
class SiteColumns:
    """The column map: names of a file's columns. None: found by the usual names, and missing if not found.

    A name may end with a unit in brackets, `Altitude[ft]`; `none` says that the file has no such column.
    """

    latitude: str | None = None
    """WGS84 latitude [degrees]."""
    longitude: str | None = None
    """WGS84 longitude [degrees]."""
    site: str | None = None
    """Name of the site."""
    technology: str | None = None
    """LTE, NR and other names of radios; cells of others are left out."""
    height: str | None = None
    """Antenna centre above ground [m]."""
    azimuth: str | None = None
    """Boresight [compass degrees]."""
    tilt: str | None = None
    """Boresight below the horizon, mechanical and electrical [degrees]."""
    mechanical_tilt: str | None = None
    """The mechanical part of it [degrees]."""
    electrical_tilt: str | None = None
    """The electrical part of it [degrees]; the two are added."""
    pci: str | None = None
    """Physical cell identity."""
    earfcn: str | None = None
    """LTE channel number of the downlink."""
    arfcn: str | None = None
    """NR channel number."""
    band: str | None = None
    """LTE or NR band; used where there is no channel number."""
    frequency: str | None = None
    """Carrier frequency [MHz]."""
    power: str | None = None
    """Total transmit power [dBm]."""
    rows: str | None = None
    """Rows of the antenna array."""
    columns: str | None = None
    """Columns of the antenna array."""
    beams: str | None = None
    """SSB beams."""
    identity: str | None = None
    """E-UTRAN cell identity (ECI) or NR cell identity (NCI), as one number."""
    deviation: str | None = None
    """Standard deviation of the position along each axis [m]."""
    antenna: str | None = None
    """Name of the antenna, that of its pattern file."""

    @classmethod
    def parse(cls, text: str) -> SiteColumns:
        """The column map of a text such as `latitude=BREITE,azimuth=RICHTUNG,height=Altitude[ft],power=none`.

        Raises:
            InputError: a part is not FIELD=COLUMN, or there is no such field.
        """
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        for field, equals, column in pairs:
            if field.strip() not in QUANTITIES or not equals or not column.strip():
                named = ", ".join(QUANTITIES)
                raise InputError(
                    f"{field}{equals}{column} is no FIELD=COLUMN of a site file; the fields are {named}"
                )
        return cls(**{field.strip(): column.strip() for field, _, column in pairs})


@dataclass(frozen=True)
class FoundColumns:
    """Every field that a file has, and the column that holds it."""

    by_field: Mapping[str, Column]

    def number(self, field: str, row: Row, low: float, high: float) -> float | None:
        """A line's number of a field in raylocus's unit; None where there is none.

        Raises:
            InputError: it is no number, or beyond its range.
        """
        column = self.by_field.get(field)
        return None if column is None else column.number(row, low, high)

    def integer(self, field: str, row: Row, low: int, high: int) -> int | None:
        """A line's whole number of a field; None where there is none.

        Raises:
            InputError: it is no whole number, or beyond its range.
        """
        return row.integer(self.name(field), low, high)

    def text(self, field: str, row: Row) -> str | None:
        """A line's text of a field; None where there is none."""
        return row.text(self.name(field))

    def name(self, field: str) -> str | None:
        """The name of a field's column; None where there is none."""
        return self.by_field[field].name if field in self.by_field else None

    @property
    def note(self) -> str:
        """What was read from where."""
        read = (
            f"{one.field.replace('_', ' ')} from {one.name!r}{f' [{one.unit}]' if one.unit else ''}"
            for one in self.by_field.values()
        )
        return f"read {', '.join(read)}"


def find_columns(table: Table, given: SiteColumns) -> FoundColumns:
    """The columns of a table: those that the map names, and those under usual names.

    Raises:
        InputError: a named column is not there, two columns could be one field and differ, or a column looks
            like a field that none is found for.
    """
    found: dict[str, Column] = {}
    for field in QUANTITIES:
        named = getattr(given, field)
        if named is not None and _absent(named, table):
            continue
        column = _usual(table, field) if named is None else _named(table, field, named)
        if column is not None:
            found[field] = column
    found = {field: _with_unit_column(table, column) for field, column in found.items()}
    refuse_lookalikes(table, {field: one.name for field, one in found.items()}, _said(given))
    return FoundColumns(found)


def _said(given: SiteColumns) -> set[str]:
    """The fields of which the map says something."""
    return {field for field in QUANTITIES if getattr(given, field) is not None}


def _with_unit_column(table: Table, column: Column) -> Column:
    """A column whose unit another one states: `POWER` with `POWER_UNIT`.

    Raises:
        InputError: the lines state several units, or one that is not known.
    """
    plain = squashed(column.name)
    stating = next(
        (name for name in table.header if squashed(name) in {plain + end for end in _UNIT_ENDS}), None
    )
    known = QUANTITIES[column.field].units
    if stating is None or not known or column.unit:
        return column
    said = {squashed(text) for row in table.rows if (text := row.text(stating)) is not None}
    if len(said) > 1 or not said <= known.keys():
        raise InputError(
            f"{table.path}: {stating!r} states units of {column.name!r} that are not one of {', '.join(known)} in all "
            f"lines; convert them and name the unit with --site-columns {column.field}={column.name}[UNIT]"
        )
    return replace(column, unit=said.pop(), unit_column=stating) if said else column


def _absent(named: str, table: Table) -> bool:
    return named.lower() == NO_COLUMN and named not in table.header


def _named(table: Table, field: str, named: str) -> Column:
    """The column that the map names, with the unit that the map or the column's own name states."""
    if named in table.header:
        _, unit = name_and_unit(named)
        known = unit_of(named, QUANTITIES[field])
        return Column(field, named, known or (unit if unit in QUANTITIES[field].units else "") or "")
    match = re.fullmatch(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]", named)
    if match is None or match.group(1) not in table.header:
        listed = ", ".join(table.header)
        raise InputError(f"{table.path} has no column {named!r} for the {field}; it has {listed}")
    unit = squashed(match.group(2))
    if unit not in QUANTITIES[field].units:
        known_units = ", ".join(QUANTITIES[field].units) or "none"
        raise InputError(f"{match.group(2)!r} is no unit of the {field}; there are {known_units}")
    return Column(field, match.group(1), unit)


def _usual(table: Table, field: str) -> Column | None:
    """The column under the first usual name; others of the quantity must say the same."""
    quantity = QUANTITIES[field]
    units = {name: unit_of(name, quantity) for name in table.header}
    columns = [Column(field, name, unit) for name, unit in units.items() if unit is not None]
    if not columns:
        return None
    order = {known: rank for rank, known in reversed(list(enumerate(quantity.names)))}
    columns.sort(key=lambda column: min(order[known] for known in order if _starts(column.name, known)))
    if field not in _BY_PRIORITY:
        for other in columns[1:]:
            _refuse_difference(table, columns[0], other)
    return columns[0]


def _starts(name: str, known: str) -> bool:
    return name_and_unit(name)[0].startswith(known)


def _refuse_difference(table: Table, first: Column, other: Column) -> None:
    for row in table.rows:
        one, two = (column.number(row, -math.inf, math.inf) for column in (first, other))
        if (
            one is not None
            and two is not None
            and not math.isclose(one, two, rel_tol=SAME_SHARE, abs_tol=1e-9)
        ):
            raise InputError(
                f"{row.where}: {first.name!r} and {other.name!r} could both be the {first.field} and differ; name the "
                f"right one with --site-columns {first.field}=COLUMN"
            )
