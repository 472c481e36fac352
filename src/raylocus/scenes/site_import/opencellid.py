"""OpenCelliD's CSV: where cells are heard, per cell, without antennas."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from pathlib import Path

from raylocus.errors import InputError
from raylocus.geo import azimuth_from_compass
from raylocus.scenes.site_import.records import Row, SiteRecord, read_rows

#: Columns of OpenCelliD's files; downloads of one country come without this header.
COLUMNS = ["radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples"]
COLUMNS += ["changeable", "created", "updated", "averageSignal"]
#: Bits of an LTE cell identity that number the sectors of an eNodeB (TS 36.300 §8.2).
SECTOR_BITS = 8
#: Cells heard closer than this to their site's middle [m] do not tell their azimuth.
SMALLEST_OFFSET = 30.0
#: Metres in a degree of latitude.
METRES_PER_DEGREE = 111_195.0
#: Radio names of OpenCelliD that are cells of 4G or 5G.
RADIOS = ("LTE", "NR")


def is_opencellid(first_line: list[str]) -> bool:
    """Whether a file's first line is OpenCelliD's, header or data."""
    plain = [value.strip() for value in first_line]
    is_header = plain[: len(COLUMNS) - 1] == COLUMNS[:-1]
    return is_header or (len(plain) == len(COLUMNS) and plain[0] in ("GSM", "UMTS", "CDMA", *RADIOS))


def read_opencellid(path: Path) -> list[SiteRecord]:
    """LTE and NR cells of an OpenCelliD file, gathered into sites.

    OpenCelliD gives the place where a cell is heard, not where it stands. An LTE site is taken to stand in
    the middle of its sectors, which share the eNodeB part of the cell identity, and a sector to look from
    there to where it is heard. NR's cell identities do not tell the site, so each NR cell is a site.

    Raises:
        InputError: the file cannot be read or holds a value that cannot be.
    """
    rows = read_rows(path, lambda first: COLUMNS if first[0].strip() != COLUMNS[0] else None)
    sites: dict[str, list[SiteRecord]] = defaultdict(list)
    for row in rows:
        if row.text("radio") in RADIOS:
            record = _record(row)
            sites[f"{record.network}/{record.site}"].append(record)
    return [record for cells in sites.values() for record in _around_middle(cells)]


def _record(row: Row) -> SiteRecord:
    radio = row.text("radio")
    cell = row.integer("cell", 0, 2**36 - 1) or 0
    unit = row.integer("unit", -1, 2**31)
    latitude, longitude = row.number("lat", -90.0, 90.0), row.number("lon", -180.0, 180.0)
    if latitude is None or longitude is None:
        raise InputError(f"{row.where}: there is no latitude or longitude; remove the line")
    return SiteRecord(
        line=row.line,
        latitude=latitude,
        longitude=longitude,
        site=str(cell >> SECTOR_BITS) if radio == "LTE" else str(cell),
        # `unit` is the PCI where it is known; 0 and −1 stand for unknown.
        pci=unit if unit is not None and 0 < unit <= 1007 else None,
        network=f"{radio} {row.text('mcc')}-{row.text('net')}",
        lte=radio == "LTE",
    )


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
