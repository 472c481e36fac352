"""Planners' and operators' lists: any CSV with a header, one cell a line."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

from raylocus.errors import InputError
from raylocus.geo import azimuth_from_compass
from raylocus.scenes.cell_names.channels import earfcn_frequency, nr_carrier_frequency
from raylocus.scenes.site_import.columns import FoundColumns, SiteColumns, find_columns
from raylocus.scenes.site_import.records import Row, SiteList, SiteRecord, Table
from raylocus.scenes.site_import.several_columns import Sexagesimal, Tilts, find_sexagesimal
from raylocus.scenes.site_import.technologies import Technology, named_band, technology_of, with_technology

#: As few azimuths may be small by accident.
FEWEST_AZIMUTHS = 3
#: A frequency that a line states may be its band's name, or of the uplink: within this factor of its channel's.
SAME_BAND = 1.25
#: Highest PCI of NR (TS 38.211 §7.4.2.1) and of LTE (TS 36.211 §6.11).
HIGHEST_PCI = {True: 503, False: 1007}
#: Fields that are notes of where heights count from; never an antenna's height by themselves.
_DATUMS = ("altitude", "elevation", "asl", "amsl")


def read_planner_list(table: Table, given: SiteColumns) -> SiteList:
    """Cells of a table with a header.

    Raises:
        InputError: it lacks a column, a column that is there cannot be interpreted, or a value cannot be.
    """
    found = with_technology(table, find_columns(table, given), given)
    columns, parts = _with_parts(_without_cell_names(found, table), table)
    _refuse_placeless(table, columns, parts)
    _refuse_radians(table, columns)
    tilts = Tilts.of(table, columns)
    left: Counter[str] = Counter()
    records = [
        record for row in table.rows if (record := _record(row, columns, parts, tilts, left)) is not None
    ]
    notes = [columns.note, *table.notes, *tilts.notes, *_power_note(columns)]
    notes += [f"{text}: {count}" for text, count in left.items()]
    used = [column.name for column in columns.by_field.values()]
    used += [column.unit_column for column in columns.by_field.values() if column.unit_column]
    used += [name for each in parts.values() for name in each.parts.values()]
    notes += [text for text in (table.unused(used), _datum_note(table, columns)) if text]
    return SiteList(tuple(records), tuple(notes))


def _with_parts(columns: FoundColumns, table: Table) -> tuple[FoundColumns, dict[str, Sexagesimal]]:
    """The columns, and those of degrees, minutes and seconds where no column holds decimal degrees."""
    parts = find_sexagesimal(table)
    if not parts or columns.name("latitude") not in (None, parts["latitude"].parts["degrees"]):
        return columns, {}
    return FoundColumns({field: one for field, one in columns.by_field.items() if field not in parts}), parts


def _without_cell_names(columns: FoundColumns, table: Table) -> FoundColumns:
    """The columns without the sites' names where they name single cells, which are then gathered by position."""
    names = [columns.text("site", row) for row in table.rows]
    if not (columns.name("site") or "").lower().startswith("cell") or len({*names}) < len(names):
        return columns
    return FoundColumns({field: one for field, one in columns.by_field.items() if field != "site"})


def _refuse_placeless(table: Table, columns: FoundColumns, parts: dict[str, Sexagesimal]) -> None:
    for field in ("latitude", "longitude"):
        if field not in columns.by_field and field not in parts:
            raise InputError(
                f"{table.path} has no column for the {field}; name it with --site-columns {field}=COLUMN (it has "
                f"{', '.join(table.header)}){_encoding_advice(table)}"
            )


def _encoding_advice(table: Table) -> str:
    """A word on names that may be letters of another alphabet, which no encoding shows."""
    guessed = any("Latin-1" in note for note in table.notes)
    return "; if these names look wrong, save the file in UTF-8" if guessed else ""


def _record(
    row: Row, columns: FoundColumns, parts: dict[str, Sexagesimal], tilts: Tilts, left: Counter[str]
) -> SiteRecord | None:
    """The cell of a line; None, counted, where it is of another technology."""
    technology = _technology(row, columns)
    if technology is Technology.OTHER:
        left[f"cells of {columns.text('technology', row)}, left out"] += 1
        return None
    latitude, longitude = _position(row, columns, parts)
    azimuth = columns.number("azimuth", row, -360.0, 360.0)
    record = SiteRecord(
        line=row.line,
        latitude=latitude,
        longitude=longitude,
        site=columns.text("site", row),
        height=columns.number("height", row, 0.5, 1000.0),
        azimuth=None if azimuth is None else azimuth_from_compass(azimuth),
        downtilt=tilts.downtilt(row),
        power_dbm=columns.number("power", row, -50.0, 100.0),
        rows=columns.integer("rows", row, 1, 64),
        columns=columns.integer("columns", row, 1, 64),
        beams=columns.integer("beams", row, 1, 64),
        identity=columns.integer("identity", row, 0, 2**36 - 1),
        deviation=columns.number("deviation", row, 0.0, 100_000.0) or 0.0,
        antenna=columns.text("antenna", row),
    )
    carried = _with_channel(record, row, columns, technology)
    if carried is None:
        left[f"cells of band {columns.text('band', row)}, left out"] += 1
        return None
    return dataclasses.replace(carried, pci=columns.integer("pci", row, 0, HIGHEST_PCI[carried.lte]))


def _technology(row: Row, columns: FoundColumns) -> Technology | None:
    word = columns.text("technology", row)
    found = None if word is None else technology_of(word)
    if word is not None and found is None:
        raise InputError(
            f"{row.where}: {columns.name('technology')} {word!r} is no technology such as LTE, NR or GSM; correct it, "
            "or say that the column holds none with --site-columns technology=none"
        )
    return found


def _position(row: Row, columns: FoundColumns, parts: dict[str, Sexagesimal]) -> tuple[float, float]:
    if parts:
        latitude, longitude = parts["latitude"].degrees(row), parts["longitude"].degrees(row)
    else:
        latitude = columns.number("latitude", row, -90.0, 90.0)
        longitude = columns.number("longitude", row, -180.0, 180.0)
    if latitude is None or longitude is None:
        raise InputError(f"{row.where}: there is no latitude or longitude; fill it in or remove the line")
    return latitude, longitude


def _with_channel(
    record: SiteRecord, row: Row, columns: FoundColumns, technology: Technology | None
) -> SiteRecord | None:
    """The record with its carrier, by the first of EARFCN, NR-ARFCN, frequency and band that the line has.

    None where the band's name says that the cell is of another technology.
    """
    lte = technology is Technology.LTE
    prefix = "" if technology is None else f"{technology.value} "
    try:
        if (number := _channel(row, columns, technology)) is not None:
            lte, channel = number
            frequency = earfcn_frequency(channel) if lte else nr_carrier_frequency(channel)
            name = f"EARFCN {channel}" if lte else f"ARFCN {channel}"
            _require_one_carrier(name, frequency / 1e6, columns.number("frequency", row, 1e-3, 1e12))
            record = dataclasses.replace(record, channel=channel)
        elif (megahertz := columns.number("frequency", row, 100.0, 100_000.0)) is not None:
            name, frequency = f"{prefix}{megahertz:g} MHz", megahertz * 1e6
            record = dataclasses.replace(record, unnamed=technology is None)
        elif (text := columns.text("band", row)) is not None:
            return _with_band(record, text, technology)
        else:
            name = record.network if technology is None else technology.value
            return dataclasses.replace(record, network=name, lte=lte, unnamed=technology is None)
    except InputError as error:
        raise InputError(f"{row.where}: {error}" if row.where not in str(error) else str(error)) from error
    return dataclasses.replace(record, network=name, frequency=frequency, lte=lte)


def _require_one_carrier(name: str, by_channel: float, listed: float | None) -> None:
    """Raises InputError where a line's frequency [MHz] is not that of its channel, nor near it, as a band's name is."""
    if listed is not None and not 1 / SAME_BAND < listed / by_channel < SAME_BAND:
        raise InputError(
            f"{name} is {by_channel:g} MHz, and the line says {listed:g} MHz; correct one of them, or leave the column "
            "out with --site-columns frequency=none"
        )


def _channel(row: Row, columns: FoundColumns, technology: Technology | None) -> tuple[bool, int] | None:
    """Whether a line's channel number is LTE's, and the number; None where it has none.

    A column that is called ARFCN alone holds an EARFCN where the line says that its cell is LTE's.
    """
    earfcn = columns.integer("earfcn", row, 0, 262_143)
    arfcn = columns.integer("arfcn", row, 0, 3_279_165)
    if earfcn is not None and technology is not Technology.NR:
        return True, earfcn
    if arfcn is not None:
        bare = "nr" not in (columns.name("arfcn") or "").lower()
        return technology is Technology.LTE and bare, arfcn
    return None if earfcn is None else (False, earfcn)


def _with_band(record: SiteRecord, text: str, technology: Technology | None) -> SiteRecord | None:
    band = named_band(text, technology)
    if band.technology is Technology.OTHER:
        return None
    lte = band.technology is Technology.LTE
    return dataclasses.replace(record, network=band.name, frequency=band.frequency, lte=lte, by_band=True)


def _refuse_radians(table: Table, columns: FoundColumns) -> None:
    """Compass degrees of several cells are not all fractions below 2π."""
    azimuths = [columns.number("azimuth", row, -360.0, 360.0) for row in table.rows]
    known = [value for value in azimuths if value is not None]
    fractions = [value for value in known if value != int(value)]
    if len(fractions) >= FEWEST_AZIMUTHS and max(map(abs, known)) <= 2 * math.pi:
        name = columns.name("azimuth")
        raise InputError(
            f"{table.path}: the azimuths in {name} look like radians; give compass degrees, or say the unit with "
            f"--site-columns azimuth={name}[rad]"
        )


def _power_note(columns: FoundColumns) -> Sequence[str]:
    """A power without a unit may be dBm or W; both are usual."""
    column = columns.by_field.get("power")
    if column is None or column.unit:
        return ()
    return (
        f"{column.name!r} states no unit and was read as dBm; for watts give --site-columns power={column.name}[W]",
    )


def _datum_note(table: Table, columns: FoundColumns) -> str | None:
    """A word on columns that may be heights above the sea or above the ground."""
    names = [
        name
        for name in table.header
        if any(word in name.lower() for word in _DATUMS) and name != columns.name("height")
    ]
    if not names or "height" in columns.by_field:
        return None
    return (
        f"{', '.join(map(repr, names))} may count from the sea and was not used; where it is the antenna above ground "
        f"give --site-columns height={names[0]}[m], or [ft]"
    )
