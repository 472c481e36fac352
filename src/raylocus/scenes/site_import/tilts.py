"""Downtilt from up to three columns: the whole tilt, its mechanical and its electrical part."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raylocus.errors import InputError
from raylocus.scenes.site_import.columns import FoundColumns
from raylocus.scenes.site_import.records import Row, Table

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
