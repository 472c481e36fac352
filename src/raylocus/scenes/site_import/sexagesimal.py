"""Coordinates in columns of degrees, minutes, seconds and hemisphere, as registers of antennas publish them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.site_import.records import Row, Table

#: Words of a column's name that say which coordinate it is of, and which part of it.
_AXES = {"latitude": ("lat", "latitude"), "longitude": ("lon", "long", "lng", "longitude")}
_PARTS = {
    "degrees": ("dg", "deg", "degs", "degree", "degrees", "d"),
    "minutes": ("mn", "min", "mins", "minute", "minutes", "m"),
    "seconds": ("sc", "sec", "secs", "second", "seconds", "s"),
    "hemisphere": ("ns", "ew", "we", "dir", "direction", "hemisphere", "hemi", "orientation"),
}
_SIGNS = {
    "N": 1.0,
    "NORTH": 1.0,
    "E": 1.0,
    "EAST": 1.0,
    "S": -1.0,
    "SOUTH": -1.0,
    "W": -1.0,
    "WEST": -1.0,
    "O": -1.0,
}
_LARGEST = {"latitude": 90.0, "longitude": 180.0}


@dataclass(frozen=True)
class Sexagesimal:
    """The columns of one coordinate."""

    axis: str
    """latitude or longitude."""
    parts: Mapping[str, str]
    """Names of the columns by part: degrees and minutes, and perhaps seconds and hemisphere."""

    def degrees(self, row: Row) -> float | None:
        """A line's coordinate [degrees], None where it has none.

        Raises:
            InputError: a part is no number or beyond its range, or the hemisphere is none.
        """
        largest = _LARGEST[self.axis]
        whole = row.number(self.parts["degrees"], -largest, largest)
        if whole is None:
            return None
        minutes = row.number(self.parts["minutes"], 0.0, 60.0) or 0.0
        seconds = row.number(self.parts.get("seconds"), 0.0, 60.0) or 0.0
        return self._sign(row) * (abs(whole) + minutes / 60 + seconds / 3600)

    def _sign(self, row: Row) -> float:
        text = row.text(self.parts.get("hemisphere"))
        minus = (row.text(self.parts["degrees"]) or "").startswith("-")
        if text is None:
            return -1.0 if minus else 1.0
        if text.upper() not in _SIGNS or minus:
            raise InputError(
                f"{row.where}: {self.parts['hemisphere']} {text!r} is no hemisphere (N, S, E, W) of degrees without a "
                "sign; correct it"
            )
        return _SIGNS[text.upper()]


def find_sexagesimal(table: Table) -> dict[str, Sexagesimal]:
    """Latitude and longitude in parts; empty where a table has not both.

    One column of degrees alone is no part: it holds decimal degrees.
    """
    found = {axis: Sexagesimal(axis, _parts(table.header, words)) for axis, words in _AXES.items()}
    whole = all({"degrees", "minutes"} <= each.parts.keys() for each in found.values())
    return found if whole else {}


def _parts(header: Sequence[str], axis: Sequence[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for name in header:
        words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        part = next((part for part, known in _PARTS.items() if set(words) & set(known)), None)
        if part is not None and set(words) & set(axis):
            parts.setdefault(part, name)
    return parts
