"""Measurements as NVIDIA AODT's calibration takes them: a GPX track of the UE and one CSV of power a link.

A CSV has a column of times (`time` or `timestamp`: seconds since 1970, or ISO 8601) and one of power in dBm (`power`,
`power_dbm`, `rsrp` or `rsrp_dbm`). Without times, rows are the track's points one by one.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.formats.measurements import Measurements
from raylocus.network.formats.sequences import sequence_rows
from raylocus.network.reports.reports import Reports
from raylocus.scenes.area import Area
from raylocus.scenes.place import Place

#: Longest time between a sample of power and the track's point that it is taken to be at [s].
APART = 2.0
TIMES, POWERS = ("time", "timestamp"), ("power_dbm", "rsrp_dbm", "power", "rsrp")


@dataclass(frozen=True)
class Track:
    """Points of a GPX file."""

    time: Float[np.ndarray, " point"]
    """Seconds since 1970; NaN where the file has none."""
    latitude: Float[np.ndarray, " point"]
    longitude: Float[np.ndarray, " point"]


def read_gpx(path: Path) -> Track:
    """The track points of a GPX file, of all its tracks.

    Raises:
        InputError: the file is no GPX file or has no track point.
    """
    try:
        root = ElementTree.parse(path).getroot()
        points = [each for each in root.iter() if each.tag.rpartition("}")[2] == "trkpt"]
        latitude = np.array([float(each.attrib["lat"]) for each in points])
        longitude = np.array([float(each.attrib["lon"]) for each in points])
        times = [next((e.text for e in each if e.tag.rpartition("}")[2] == "time"), None) for each in points]
        time = np.array([np.nan if text is None else _seconds(text) for text in times], float)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no GPX file ({error})") from error
    if not points:
        raise InputError(f"{path} has no track point (trkpt)")
    return Track(time, latitude, longitude)


def reports_of_links(gpx: Path, links: Mapping[int, Path], place: Place | Area) -> Reports:
    """Reports of a track and the powers that were measured along it.

    Args:
        gpx: where the UE went.
        links: CSV file of each cell, by its PCI.
        place: where it was.

    Raises:
        InputError: a file cannot be read, or no sample belongs to a point of the track.
    """
    track = read_gpx(gpx)
    parts = []
    clock = track.time if np.isfinite(track.time).all() else np.arange(len(track.time), dtype=float)
    for pci, path in links.items():
        time, power = _read_link(path)
        point, sample = _matched(track, time, len(power), path)
        parts.append(
            Measurements.of(
                len(point),
                device="track",
                scan=np.char.add("point-", point.astype(np.str_)),
                time=clock[point],
                pci=float(pci),
                rsrp=power[sample],
                latitude=track.latitude[point],
                longitude=track.longitude[point],
            )
        )
    if not sum(map(len, parts)):
        raise InputError(
            f"no sample of power is within {APART:g} s of a point of {gpx}; compare their clocks"
        )
    return sequence_rows(Measurements.concatenate(parts), place).reports


def _matched(
    track: Track, time: Float[np.ndarray, " sample"] | None, samples: int, path: Path
) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Point and sample of each pair; of a point's samples the nearest in time."""
    if time is None or not np.isfinite(track.time).all():
        if samples != len(track.time):
            raise InputError(
                f"{path} has {samples} rows and the track {len(track.time)} points; give times in both files"
            )
        return np.arange(samples), np.arange(samples)
    order = np.argsort(track.time, kind="stable")
    middle = (track.time[order][1:] + track.time[order][:-1]) / 2
    nearest = order[np.searchsorted(middle, time)]
    off = np.abs(time - track.time[nearest])
    best = np.lexsort((off, nearest))
    first = best[np.unique(nearest[best], return_index=True)[1]]
    kept = first[off[first] <= APART]
    return nearest[kept], kept


def _read_link(path: Path) -> tuple[Float[np.ndarray, " sample"] | None, Float[np.ndarray, " sample"]]:
    try:
        with path.open(newline="") as file:
            rows = [
                {str(key).strip().lower(): value for key, value in row.items()}
                for row in csv.DictReader(file)
            ]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no CSV file") from error
    names = rows[0].keys() if rows else ()
    power = next((name for name in POWERS if name in names), None)
    if power is None:
        raise InputError(f"{path} has no column of power; name it one of {', '.join(POWERS)}")
    timed = next((name for name in TIMES if name in names), None)
    try:
        time = None if timed is None else np.array([_seconds(row[timed]) for row in rows])
        return time, np.array([float(row[power]) for row in rows])
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} has a row that is no number ({error})") from error


def _seconds(text: str) -> float:
    """Seconds since 1970 of a number or of ISO 8601."""
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).timestamp()
