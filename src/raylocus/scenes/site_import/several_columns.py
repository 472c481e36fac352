"""Values that stand in several columns: degrees, minutes and seconds; downtilt, mechanical and electrical."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.site_import.columns import FoundColumns
from raylocus.scenes.site_import.records import Row, Table

#: Words of a column's name that say which coordinate it is of, and which part of it.
_AXES = {"latitude": ("lat", "latitude"), "longitude": ("lon", "long", "lng", "longitude")}
_WORDS = {
    "degrees": ("dg", "deg", "degs", "degree", "degrees", "d"),
    "minutes": ("mn", "min", "mins", "minute", "minutes", "m"),
    "seconds": ("sc", "sec", "secs", "second", "seconds", "s"),
    "hemisphere": ("ns", "ew", "we", "dir", "direction", "hemisphere", "hemi", "orientation"),
}
_SIGNS = dict.fromkeys(("N", "NORTH", "E", "EAST"), 1.0) | dict.fromkeys(
    ("S", "SOUTH", "W", "WEST", "O"), -1.0
)
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
        part = next((part for part, known in _WORDS.items() if set(words) & set(known)), None)
        if part is not None and set(words) & set(axis):
            parts.setdefault(part, name)
    return parts


#: Whole and parts of a tilt agree within this [degrees].
AGREEMENT = 0.11
_PARTS = ("mechanical_tilt", "electrical_tilt")


@dataclass(frozen=True)
class Tilts:
    """Which columns make up the downtilt."""

    columns: FoundColumns
    fields: tuple[str, ...]
    """Fields whose values are added."""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Table, columns: FoundColumns) -> Tilts:
        """The reading that the file's own numbers allow: `tilt` may be the whole tilt or its mechanical part.

        Raises:
            InputError: both readings are possible, parts and whole contradict each other, or all tilts look up.
        """
        parts = tuple(field for field in _PARTS if field in columns.by_field)
        if "tilt" not in columns.by_field:
            chosen = cls(columns, parts, _part_note(parts))
        elif not parts:
            chosen = cls(columns, ("tilt",))
        elif parts == _PARTS:
            chosen = _checked_whole(table, columns)
        else:
            chosen = _with_one_part(table, columns, parts[0])
        _refuse_upward(table, chosen)
        return chosen

    def downtilt(self, row: Row) -> float | None:
        """Boresight below the horizon [rad]; None where no part is known.

        Raises:
            InputError: a part is no number, or beyond ±90°.
        """
        values = [self.columns.number(field, row, -90.0, 90.0) for field in self.fields]
        known = [value for value in values if value is not None]
        if not known:
            return None
        if not -90 <= sum(known) <= 90:
            raise InputError(f"{row.where}: the tilts add up to {sum(known):g}°; correct them")
        return math.radians(sum(known))


def _part_note(parts: tuple[str, ...]) -> tuple[str, ...]:
    if len(parts) != 1:
        return ()
    known = parts[0].replace("_", " ")
    other = "electrical" if "mechanical" in known else "mechanical"
    return (f"only the {known} is in the file; the {other} one was taken as 0°",)


def _checked_whole(table: Table, columns: FoundColumns) -> Tilts:
    for row in table.rows:
        whole, *parts = (columns.number(field, row, -90.0, 90.0) for field in ("tilt", *_PARTS))
        if whole is None or None in parts:
            continue
        if abs(whole - sum(part for part in parts if part is not None)) > AGREEMENT:
            raise InputError(
                f"{row.where}: {columns.name('tilt')} is not the sum of the mechanical and electrical tilts; say which "
                "to use with --site-columns tilt=none or mechanical_tilt=none,electrical_tilt=none"
            )
    return Tilts(columns, ("tilt",))


def _with_one_part(table: Table, columns: FoundColumns, part: str) -> Tilts:
    """The meaning of `tilt` next to one part: a whole is never smaller than its part."""
    pairs = [tuple(columns.number(field, row, -90.0, 90.0) for field in ("tilt", part)) for row in table.rows]
    known = [(whole, other) for whole, other in pairs if whole is not None and other is not None]
    if any(whole < other for whole, other in known) or not any(other for _, other in known):
        return Tilts(columns, ("tilt", part))
    missing = _PARTS[1 - _PARTS.index(part)]
    name, known_name = columns.name("tilt"), columns.name(part)
    raise InputError(
        f"{table.path}: {name} may be the whole tilt or its {missing.split('_')[0]} part next to {known_name}; say "
        f"which with --site-columns tilt={name},{part}=none or --site-columns tilt=none,{missing}={name}"
    )


def _refuse_upward(table: Table, tilts: Tilts) -> None:
    values = [value for row in table.rows if (value := tilts.downtilt(row)) is not None]
    if len(values) > 2 and max(values) <= 0 and min(values) <= math.radians(-1):
        names = ", ".join(str(tilts.columns.name(field)) for field in tilts.fields)
        raise InputError(
            f"{table.path}: no tilt in {names} is below the horizon, so it counts upwards; turn its sign"
        )
