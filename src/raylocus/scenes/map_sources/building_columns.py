"""Columns of building files as OpenStreetMap's tags: which name means what, and what a cell says.

Names are compared in any case and without punctuation, so that `minHeight`, `MIN_HEIGHT` and `min_height` are one.
Sources: OSM's keys (Simple 3D Buildings), Overture Maps' building schema, OSM Buildings' GeoJSON, CityGML's
attributes, and the ten letters to which shapefiles cut names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raylocus.errors import InputError
from raylocus.scenes.osm.tags import BUILDING_KEYS, GROUND_KEYS, LINE_KEYS
from raylocus.scenes.tagged import parse_count

#: Units by the words that files have for them.
_UNITS = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("ft", "foot", "feet", "usft", "ftus"), "ft"),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), "cm"),
}
#: Ends of the names of columns that hold the unit of another (`measuredHeight_uom`, GML's unit of measure).
_ENDS = ("uom", "unit", "units")


def named_column(given: str, names: Collection[str]) -> tuple[str, str]:
    """The column and unit that `NAME` or `NAME[ft]` stands for; metres where it says none.

    Raises:
        InputError: what stands in brackets is no unit.
    """
    match = re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]", given)
    if given in names or match is None:
        return given, "m"
    unit = _UNITS.get(match[2].strip().lower())
    if unit is None:
        raise InputError(f"{match[2]!r} is no unit of --height-field; there are m, ft and cm")
    return match[1], unit


def stated_unit(name: str, cells: Iterable[str]) -> str:
    """The unit that the cells of a column state for all rows, such as `m`, `ft` or `urn:adv:uom:m`.

    Raises:
        InputError: they are several units, or one that is not known.
    """
    said = sorted({cell for cell in cells if cell})
    found = {_UNITS.get(re.sub(r"[^a-z]", "", re.split(r"[:/#]", cell)[-1])) for cell in said}
    (unit,) = found if len(found) == 1 else (None,)
    if unit is None:
        raise InputError(
            f"column {name!r} states units that are not m, ft or cm alone ({', '.join(said[:3])}); "
            "convert the heights to metres and remove it"
        )
    return unit


def unit_column(squeezed: str, names: Collection[str]) -> str | None:
    """Of squeezed names the one that holds the unit of a column."""
    return next((squeezed + end for end in _ENDS if squeezed + end in names), None)


def in_unit(text: str, unit: str) -> str:
    """A length in a unit as a tag's value, which is in metres where it says nothing else."""
    if unit == "ft" and text:
        return f"{text} ft"
    count = parse_count(text) if unit == "cm" else None
    return text if count is None else f"{count / 100:.10g}"


#: Keys of what stands instead of a building, or around one.
OTHER_KEYS = (
    "landuse",
    "natural",
    "leisure",
    "highway",
    "waterway",
    "water",
    "railway",
    "aeroway",
    "boundary",
    "place",
)
#: OSM's keys that are read of a building file.
KEYS = tuple(dict.fromkeys((*BUILDING_KEYS, *GROUND_KEYS, *LINE_KEYS, *OTHER_KEYS)))
#: Tag of what a file calls a row, where the name of the column does not say that it is a building.
KIND = "raylocus:kind"

#: Names of other schemas, the better ones first.
_SYNONYMS = {
    "height": "height_m measured_height height_agl building_h hauteur gebaeudehoehe",
    "building:levels": "num_floors levels floors storeys stories storeys_above_ground number_of_floors floor_count "
    "building_l nb_etages nombre_etages b3_bouwlagen",
    "building:levels:underground": "num_floors_underground storeys_below_ground",
    "building:min_level": "min_floor min_level",
    "min_height": "min_heigh",
    "roof:shape": "roof_type",
    "roof:height": "roof_heigh",
    "roof:levels": "roof_level",
    "roof:material": "roof_mater",
    "building:facade:material": "wall_material facade_mat",
    KIND: "class building_type building_class type subtype fclass theme",
}
#: Columns of heights in other units, and columns of yes and no that stand for a tag.
_UNITS_OF_NAMES = {"height_ft": "ft", "height_feet": "ft", "building_height_ft": "ft", "height_cm": "cm"}
_FLAGS = {"is_underground": ("location", "underground"), "is_undergr": ("location", "underground")}
#: What `building` and other columns of yes and no say.
_YES, _NO = ("true", "t", "1", "y"), ("false", "f", "0", "n")


@dataclass(frozen=True)
class Columns:
    """How a table's columns are read."""

    keys: Mapping[str, tuple[str, ...]]
    """Columns of each tag, the better ones first."""
    unused: tuple[str, ...]
    """Columns with values that nothing asks for."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of the columns of lengths that are not in metres."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Columns of yes and no, with the value that yes stands for."""

    def says_building(self) -> bool:
        """Whether a column says of each row if it is a building."""
        return "building" in self.keys or "building:part" in self.keys

    def says_height(self) -> bool:
        """Whether a column holds heights or storeys."""
        return bool({"height", "building:height", "building:levels"} & set(self.keys))

    def tags(self, row: Mapping[str, Any]) -> dict[str, str]:
        """The tags of one row, by column; of several columns the first that holds a value, of kinds all words."""
        found = {}
        for key, names in self.keys.items():
            texts = [text for name in names if (text := self._said(key, name, row[name]))]
            if texts:
                found[key] = ";".join(texts) if key == KIND else texts[0]
        return found

    def _said(self, key: str, name: str, cell: Any) -> str:
        text = text_of(cell)
        if name in self.flags:
            return self.flags[name] if text in ("yes", *_YES) else ""
        if key in ("building", "building:part"):
            return "yes" if text in _YES else "no" if text in _NO else text
        return in_unit(text, self.units.get(name, "m"))


def columns_of(table: Mapping[str, Sequence[Any]], height_field: str | None) -> Columns:
    """How the columns of a table are read.

    Args:
        table: cells by column.
        height_field: the one column that holds the height, whatever it is called; `NAME[ft]` states its unit.

    Raises:
        InputError: a unit is not known.
    """
    nested = {name for name, cells in table.items() if any(isinstance(cell, _NESTED) for cell in cells)}
    # A column that is empty from top to bottom says nothing of any row.
    full = [name for name, cells in table.items() if name in nested or any(map(text_of, cells))]
    names = [name for name in full if name not in nested]
    keys = {key: tuple(found) for key in _NAMES if (found := _columns_for(key, names))}
    units = _units(table, [name for key in _LENGTHS for name in keys.get(key, ())])
    if height_field is not None:
        height_field, units[height_field] = named_column(height_field, table)
        keys = {key: tuple(each for each in found if each != height_field) for key, found in keys.items()}
        keys = {key: found for key, found in keys.items() if found} | {"height": (height_field,)}
    flags = {name: _FLAG_VALUES[_squeezed(name)] for name in names if _squeezed(name) in _FLAG_VALUES}
    used = {name for found in keys.values() for name in found}
    stating = {unit_column(_squeezed(name), [_squeezed(each) for each in table]) for name in used}
    used.update(name for name in full if _squeezed(name) in stating)
    return Columns(keys, tuple(name for name in full if name not in used), units, flags)


def _units(table: Mapping[str, Sequence[Any]], lengths: Sequence[str]) -> dict[str, str]:
    """The units of columns of lengths that their names or columns next to them state."""
    names = {_squeezed(name): name for name in table}
    units = {}
    for name in lengths:
        plain = _squeezed(name)
        unit_of = unit_column(plain, names)
        if plain in _SQUEEZED_UNITS:
            units[name] = _SQUEEZED_UNITS[plain]
        elif unit_of is not None:
            units[name] = stated_unit(names[unit_of], map(text_of, table[names[unit_of]]))
    return units


def text_of(cell: Any) -> str:
    """A cell as a tag's value in lower case; empty where it is missing, a list or a table of its own."""
    if cell is None or isinstance(cell, _NESTED) or _is_missing(cell):
        return ""
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    text = f"{cell:.10g}" if isinstance(cell, float | np.floating) else str(cell).strip().lower()
    return "" if text in ("nan", "none", "null", "<na>", "nat") else text


def _is_missing(cell: Any) -> bool:
    try:
        return bool(cell != cell)
    except TypeError:  # pandas.NA says neither yes nor no
        return True


_NESTED = (list, tuple, dict, set, bytes, np.ndarray)


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


#: Squeezed names of each tag, the better ones first.
_NAMES: dict[str, tuple[str, ...]] = {
    key: tuple(
        dict.fromkeys(
            [
                *([_squeezed(key)] if key != KIND else []),
                *map(_squeezed, _SYNONYMS.get(key, "").split()),
                *(_squeezed(flag) for flag, (stands_for, _) in _FLAGS.items() if stands_for == key),
                *(map(_squeezed, _UNITS_OF_NAMES) if key == "height" else ()),
            ]
        )
    )
    for key in (*KEYS, KIND)
}
_FLAG_VALUES = {_squeezed(name): value for name, (_, value) in _FLAGS.items()}
_SQUEEZED_UNITS = {_squeezed(name): unit for name, unit in _UNITS_OF_NAMES.items()}
#: Tags that are lengths.
_LENGTHS = ("height", "building:height", "min_height", "roof:height")


def _columns_for(key: str, names: Sequence[str]) -> list[str]:
    """The columns that mean a tag: the one called exactly so, then by the order of its names."""
    wanted = _NAMES[key]
    found = [name for name in names if _squeezed(name) in wanted]
    return sorted(found, key=lambda name: (name != key, wanted.index(_squeezed(name))))
