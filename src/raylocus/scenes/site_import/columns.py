"""Site files with a header: which column holds what, and in which unit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import InputError
from raylocus.geo import azimuth_from_compass
from raylocus.scenes.site_import.channels import arfcn_frequency, band_frequency, earfcn_frequency
from raylocus.scenes.site_import.records import Row, SiteRecord, read_rows

#: Names under which columns are found when the column map does not name them; case, spaces, `_` and `-` do not count.
KNOWN_NAMES = {
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "site": ("site", "sitename", "siteid", "cellname", "enodeb", "enodebid", "gnodeb", "gnodebid"),
    "height": ("height", "heightm", "antennaheight", "agl"),
    "azimuth": ("azimuth", "azimuthdeg", "bearing", "direction"),
    "tilt": ("tilt", "downtilt", "tiltdeg", "totaltilt"),
    "pci": ("pci", "physicalcellid", "physcellid"),
    "earfcn": ("earfcn", "earfcndl", "dlearfcn"),
    "arfcn": ("arfcn", "nrarfcn", "ssbarfcn"),
    "band": ("band", "frequencyband"),
    "frequency": ("frequencymhz", "freqmhz"),
    "power": ("power", "powerdbm", "txpower", "txpowerdbm"),
    "rows": ("rows", "arrayrows"),
    "columns": ("columns", "arraycolumns"),
    "beams": ("beams", "ssbbeams"),
}
#: As few azimuths may be small by chance.
FEWEST_AZIMUTHS = 3


@dataclass(frozen=True)
class SiteColumns:
    """The column map: names of a file's columns. None: found by `KNOWN_NAMES`, and missing if not found."""

    latitude: str | None = None
    """WGS84 latitude [degrees]."""
    longitude: str | None = None
    """WGS84 longitude [degrees]."""
    site: str | None = None
    """Name of the site."""
    height: str | None = None
    """Antenna centre above ground [m]."""
    azimuth: str | None = None
    """Boresight [compass degrees]."""
    tilt: str | None = None
    """Boresight below the horizon, mechanical and electrical [degrees]."""
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

    @classmethod
    def parse(cls, text: str) -> SiteColumns:
        """The column map of a text such as `latitude=BREITE,azimuth=RICHTUNG`.

        Raises:
            InputError: a part is not FIELD=COLUMN, or there is no such field.
        """
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        for field, equals, column in pairs:
            if field.strip() not in KNOWN_NAMES or not equals or not column.strip():
                named = ", ".join(KNOWN_NAMES)
                raise InputError(
                    f"{field}{equals}{column} is no FIELD=COLUMN of a site file; the fields are {named}"
                )
        return cls(**{field.strip(): column.strip() for field, _, column in pairs})


def read_columns(path: Path, columns: SiteColumns) -> list[SiteRecord]:
    """Cells of a file with a header.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds a value that cannot be.
    """
    rows = read_rows(path, lambda first: None)
    found = _find(path, list(rows[0].values), columns)
    _refuse_radians(path, rows, found)
    return [_record(row, found) for row in rows]


def _find(path: Path, header: Sequence[str], columns: SiteColumns) -> SiteColumns:
    """The column map with the columns that the file has under known names."""
    plain = {"".join(name.lower().replace("_", "").replace("-", "").split()): name for name in header}
    found = {}
    for field, known in KNOWN_NAMES.items():
        given = getattr(columns, field)
        if given is not None and given not in header:
            raise InputError(f"{path} has no column {given!r} for the {field}; it has {', '.join(header)}")
        found[field] = given or next((plain[name] for name in known if name in plain), None)
    for field in ("latitude", "longitude"):
        if found[field] is None:
            raise InputError(
                f"{path} has no column for the {field}; name it in the column map, {field}=COLUMN"
            )
    return SiteColumns(**found)


def _record(row: Row, columns: SiteColumns) -> SiteRecord:
    latitude, longitude = (
        row.number(columns.latitude, -90.0, 90.0),
        row.number(columns.longitude, -180.0, 180.0),
    )
    if latitude is None or longitude is None:
        raise InputError(f"{row.where}: there is no latitude or longitude; fill it in or remove the line")
    azimuth, tilt = row.number(columns.azimuth, -360.0, 360.0), row.number(columns.tilt, -90.0, 90.0)
    record = SiteRecord(
        line=row.line,
        latitude=latitude,
        longitude=longitude,
        site=row.text(columns.site),
        height=row.number(columns.height, 0.5, 1000.0),
        azimuth=None if azimuth is None else azimuth_from_compass(azimuth),
        downtilt=None if tilt is None else math.radians(tilt),
        pci=row.integer(columns.pci, 0, 1007),
        power_dbm=row.number(columns.power, -50.0, 100.0),
        rows=row.integer(columns.rows, 1, 64),
        columns=row.integer(columns.columns, 1, 64),
        beams=row.integer(columns.beams, 1, 64),
    )
    return _with_channel(record, row, columns)


def _with_channel(record: SiteRecord, row: Row, columns: SiteColumns) -> SiteRecord:
    """The record with its carrier, by the first of EARFCN, NR-ARFCN, frequency and band that the line has."""
    try:
        if (number := row.integer(columns.earfcn, 0, 262_143)) is not None:
            name, frequency = f"EARFCN {number}", earfcn_frequency(number)
        elif (number := row.integer(columns.arfcn, 0, 3_279_165)) is not None:
            name, frequency = f"ARFCN {number}", arfcn_frequency(number)
        elif (megahertz := row.number(columns.frequency, 100.0, 100_000.0)) is not None:
            name, frequency = f"{megahertz:g} MHz", megahertz * 1e6
        elif (band := row.text(columns.band)) is not None:
            number = int(band.lstrip("nNbB"))
            name, frequency = f"band {number}", band_frequency(number)
        else:
            return record
    except ValueError as error:
        raise InputError(
            f"{row.where}: {columns.band} {band!r} is not a band such as 20 or n78; mend it"
        ) from error
    except InputError as error:
        raise InputError(f"{row.where}: {error}" if row.where not in str(error) else str(error)) from error
    lte = name.startswith("EARFCN")
    return dataclasses.replace(record, network=name, frequency=frequency, lte=lte)


def _refuse_radians(path: Path, rows: Sequence[Row], columns: SiteColumns) -> None:
    """Compass degrees of several cells are not all fractions below 2π."""
    azimuths = [row.number(columns.azimuth, -360.0, 360.0) for row in rows]
    known = [value for value in azimuths if value is not None]
    fractions = [value for value in known if value != int(value)]
    if len(fractions) >= FEWEST_AZIMUTHS and max(map(abs, known)) <= 2 * math.pi:
        raise InputError(f"{path}: the azimuths in {columns.azimuth} look like radians; give compass degrees")
