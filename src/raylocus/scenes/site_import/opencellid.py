"""Lists of the OpenCelliD family: where cells are heard, per cell, without antennas.

The form is OpenCelliD's and Mozilla Location Service's own (ichnaea, docs/import_export.rst), and circulates
in several headers: `net,area,cell,unit` are also `mnc,lac,cid,psc`, OpenCelliD's older exports had
`cellid,…,radio,rnc,cid,psc,tac,pci`, and downloads of one country come without a header.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from raylocus.errors import InputError
from raylocus.geo import azimuth_from_compass
from raylocus.scenes.cell_names.channels import earfcn_frequency, nr_carrier_frequency
from raylocus.scenes.site_import.csv_text import CsvLines
from raylocus.scenes.site_import.planner_list import HIGHEST_PCI
from raylocus.scenes.site_import.quantities import squashed
from raylocus.scenes.site_import.records import Row, SiteList, SiteRecord, Table
from raylocus.scenes.site_import.technologies import Technology, technology_of

#: Names of the columns that count, the better ones first.
NAMES = {
    "radio": ("radio", "act", "radiotype", "technology", "tech", "rat", "nettype", "networktype", "type"),
    "mcc": ("mcc", "mobilecountrycode"),
    "net": ("net", "mnc", "mobilenetworkcode"),
    "area": ("area", "lac", "tac", "locationareacode"),
    "cell": ("cell", "cellid", "cid", "ci", "eci", "nci"),
    "pci": ("pci", "unit", "psc", "primaryscramblingcode"),
    "lon": ("lon", "longitude", "long", "lng"),
    "lat": ("lat", "latitude"),
    "channel": ("earfcn", "nrarfcn", "arfcn"),
    "changeable": ("changeable",),
    "deviation": ("deviation", "accuracy"),
}
#: Columns that make a list one of this family, the radio in addition.
_FAMILY = ("mcc", "net", "cell", "lon", "lat")
#: Columns of antennas, which a list of where cells are heard never has.
_ANTENNAS = ("azim", "height", "tilt", "power")
#: Columns of files without a header: with `unit`, and as some wrote them without it.
COLUMNS = ["radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples"]
COLUMNS += ["changeable", "created", "updated", "averageSignal"]
_WITHOUT_UNIT = [name for name in COLUMNS if name != "unit"]
#: Columns of logs, whose lines are measurements and no cells.
_LOGS = ("measuredat", "devicetime", "discoveredat", "recordnumber")
#: Bits of an LTE cell identity that number the sectors of an eNodeB (TS 36.300 §8.2).
SECTOR_BITS = 8
#: Cells heard closer than this to their site's middle [m] do not show their azimuth.
SMALLEST_OFFSET = 30.0
#: Standard deviation along each axis of a position that was estimated from where a cell was heard [m]. Chosen, not
#: measured: such positions are means of drives and walks on one side of a cell that reaches a few hundred metres.
ESTIMATED = 150.0
#: Metres in a degree of latitude.
METRES_PER_DEGREE = 111_195.0


def headerless_columns(first: Sequence[str]) -> list[str] | None:
    """Names of the columns of a file whose first line is a cell of this family, else None.

    A number before the radio is the index that some tools write.
    """
    values = [value.strip() for value in first]
    index = [""] if len(values) > 1 and values[0].isdigit() and technology_of(values[1]) else []
    body = values[len(index) :]
    if not body or technology_of(body[0]) is None or not all(value.isdigit() for value in body[1:4]):
        return None
    for form in (COLUMNS, _WITHOUT_UNIT):
        place = form.index("lon")
        if len(body) > place + 1 and all(_is_degrees(value) for value in body[place : place + 2]):
            return [*index, *form[: len(body)], *[""] * (len(body) - len(form))]
    return None


def _is_degrees(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,3}\.\d+", text) is not None


def family_columns(header: Sequence[str], found: CsvLines) -> dict[str, str] | None:
    """The columns that count by the family's names, where a header is one of this family, else None.

    Raises:
        InputError: it names cells by their identities but not their radio, or it is a log of measurements.
    """
    plain = {squashed(name): name for name in reversed(header)}
    columns = {
        field: next((plain[name] for name in names if name in plain), "") for field, names in NAMES.items()
    }
    if not all(columns[field] for field in _FAMILY) or any(
        stem in name for name in plain for stem in _ANTENNAS
    ):
        return None
    if any(name in plain for name in _LOGS):
        raise InputError(
            f"{found.path} is a log of measurements, one line each, and no list of cells; give a list with one line a "
            "cell, such as OpenCelliD's, or an operator's"
        )
    if not columns["radio"]:
        raise InputError(
            f"{found.path} names cells but not their radio, so GSM and UMTS cells cannot be distinguished from LTE "
            "ones; add a column radio with LTE, NR, UMTS or GSM"
        )
    return {field: name for field, name in columns.items() if name}


def read_opencellid(table: Table, columns: Mapping[str, str]) -> SiteList:
    """LTE and NR cells of a list of this family, gathered into sites.

    It gives the place where a cell is heard, not where it stands. An LTE site is taken to stand in the middle
    of its sectors, which share the eNodeB part of the cell identity, and a sector to look from there to where
    it is heard. NR's cell identities do not name the site, so each NR cell is a site.

    Raises:
        InputError: a line holds a value that cannot be.
    """
    sites: dict[str, list[SiteRecord]] = defaultdict(list)
    left: Counter[str] = Counter()
    seen: set[tuple[str | None, ...]] = set()
    for row in table.rows:
        technology = _technology(row, columns["radio"])
        if technology is Technology.OTHER:
            left[f"cells of {row.text(columns['radio']) or 'no stated radio'}, left out"] += 1
        elif (identity := _identity(row, columns)) in seen:
            left["cells listed more than once, the later lines left out"] += 1
        else:
            seen.add(identity)
            record = _record(row, columns, technology)
            sites[f"{record.network}/{record.site}"].append(record)
    notes = [*table.notes, *(f"{text}: {count}" for text, count in left.items())]
    if (unused := table.unused(list(columns.values()))) is not None:
        notes.append(unused)
    notes.append(
        f"positions are where cells are heard, off by {ESTIMATED:g} m where nothing else is stated; sites and azimuths "
        "were estimated from them"
    )
    return SiteList(
        tuple(record for cells in sites.values() for record in _around_middle(cells)), tuple(notes)
    )


def _technology(row: Row, column: str) -> Technology:
    word = row.text(column)
    if word is None:
        return Technology.OTHER
    technology = technology_of(word)
    if technology is None:
        raise InputError(
            f"{row.where}: {column} {word!r} is no radio such as LTE, NR, UMTS or GSM; correct it or remove the line"
        )
    return technology


def _identity(row: Row, columns: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(row.text(columns.get(field)) for field in ("radio", "mcc", "net", "area", "cell"))


def _record(row: Row, columns: Mapping[str, str], technology: Technology) -> SiteRecord:
    lte = technology is Technology.LTE
    cell = row.integer(columns["cell"], 0, 2**36 - 1) or 0
    latitude = row.number(columns["lat"], -90.0, 90.0)
    longitude = row.number(columns["lon"], -180.0, 180.0)
    if latitude is None or longitude is None:
        raise InputError(f"{row.where}: there is no latitude or longitude; remove the line")
    channel = row.integer(columns.get("channel"), 0, 3_279_165)
    operator = f"{row.text(columns['mcc'])}-{row.text(columns['net'])}"
    name = f"{technology.value} {operator}"
    return SiteRecord(
        line=row.line,
        latitude=latitude,
        longitude=longitude,
        site=str(cell >> SECTOR_BITS) if lte else str(cell),
        pci=_pci(row, columns.get("pci"), lte),
        network=name if channel is None else f"{name} {'EARFCN' if lte else 'ARFCN'} {channel}",
        frequency=None if channel is None else _frequency(row, channel, lte),
        lte=lte,
        channel=channel,
        operator=operator,
        identity=cell,
        deviation=_deviation(row, columns),
    )


def _deviation(row: Row, columns: Mapping[str, str]) -> float:
    """Of the position [m]: as stated, 0 where the list says that it is exact (`changeable` is 0), else `ESTIMATED`."""
    stated = row.number(columns.get("deviation"), 0.0, 100_000.0)
    exact = row.text(columns.get("changeable")) == "0"
    return stated if stated is not None else 0.0 if exact else ESTIMATED


def _frequency(row: Row, channel: int, lte: bool) -> float:
    try:
        return earfcn_frequency(channel) if lte else nr_carrier_frequency(channel)
    except InputError as error:
        raise InputError(f"{row.where}: {error}") from error


def _pci(row: Row, column: str | None, lte: bool) -> int | None:
    """The PCI where it is known: 0 and −1 stand for unknown in `unit` and `psc`, as does what no PCI can be."""
    value = row.integer(column, -(2**31), 2**31)
    lowest = 0 if squashed(column or "") == "pci" else 1
    return value if value is not None and lowest <= value <= HIGHEST_PCI[lte] else None


def _around_middle(cells: list[SiteRecord]) -> list[SiteRecord]:
    latitude = sum(cell.latitude for cell in cells) / len(cells)
    longitude = sum(cell.longitude for cell in cells) / len(cells)
    moved = []
    for cell in cells:
        north = METRES_PER_DEGREE * (cell.latitude - latitude)
        east = METRES_PER_DEGREE * math.cos(math.radians(latitude)) * (cell.longitude - longitude)
        known = math.hypot(north, east) >= SMALLEST_OFFSET
        azimuth = azimuth_from_compass(math.degrees(math.atan2(east, north))) if known else None
        moved.append(dataclasses.replace(cell, latitude=latitude, longitude=longitude, azimuth=azimuth))
    return moved
