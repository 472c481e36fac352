"""Buildings, and the streets and ground around them, from any file that geopandas reads, in any CRS.

What a polygon is: a building only where nothing in its row speaks against it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from raylocus.errors import InputError
from raylocus.scenes.configuration import SourceOptions
from raylocus.scenes.ground.from_features import is_ground_area, road_class_of
from raylocus.scenes.map_sources.building_columns import KIND, OTHER_KEYS, Columns, columns_of, named_column
from raylocus.scenes.map_sources.sea_level import above_ground
from raylocus.scenes.map_sources.tables import cells_of, read_table
from raylocus.scenes.osm.tags import NATURAL_LINES, is_building
from raylocus.scenes.tagged import Bounds, Feature, TaggedMap

#: Areas of `amenity` that are no building.
_OPEN_AMENITIES = "parking parking_space motorcycle_parking bicycle_parking grave_yard fountain marketplace"
#: What a column of kinds calls a row that is no building, and the tag that it stands for where one is used.
_GROUND = {
    "natural=water": "water river lake reservoir pond sea ocean stream canal riverbank dock basin",
    "natural=wood": "wood forest orchard",
    "": "park grass grassland meadow farmland vineyard cemetery garden pitch playground golf_course scrub heath "
    "beach sand wetland road street highway path footway railway runway taxiway apron land land_use landuse "
    "land_cover natural bathymetry segment connector infrastructure division division_area place address "
    "administrative parcel lot plot vegetation tree square plaza quarry allotments nature_reserve swimming_pool "
    "residential_area parking_lot parking",
}
_NOT_BUILDINGS = {word: tag for tag, words in _GROUND.items() for word in words.split()}
#: Words of such a column that name the shape or the table and not the kind of building.
_NO_KINDS = "multipolygon polygon boundary building buildings way relation node feature yes"


def as_building(tags: dict[str, str], columns: Columns) -> tuple[dict[str, str], str | None]:
    """A polygon's tags, and what speaks against its being a building; None where nothing does.

    Args:
        tags: of its row.
        columns: of its table.
    """
    kinds = tags.get(KIND, "").split(";")
    plain = {key: value for key, value in tags.items() if key != KIND}
    if columns.says_building():
        return plain, None if is_building(plain) else _contradiction(plain)
    against = _other_key(plain)
    if against is not None:
        return plain, against
    other = next((kind for kind in kinds if _is_other_kind(kind, columns)), None)
    if other is not None:
        key, _, value = _NOT_BUILDINGS[other].partition("=")
        return plain | ({key: value} if key else {}), other
    if "building_part" in kinds:
        return plain | {"building:part": "yes"}, None
    return plain | {
        "building": next((kind for kind in kinds if kind and kind not in _NO_KINDS.split()), "yes")
    }, None


def _is_other_kind(kind: str, columns: Columns) -> bool:
    # Overture's buildings of class `parking` are multi-storey; its schema is known by its columns.
    overture = any(name in ("num_floors", "has_parts", "is_underground") for name in _names(columns))
    return kind in _NOT_BUILDINGS and not (kind == "parking" and overture)


def _names(columns: Columns) -> list[str]:
    return [*columns.unused, *(name for found in columns.keys.values() for name in found)]


def _contradiction(tags: dict[str, str]) -> str:
    other = _other_key(tags)
    return other or ("building=no" if "building" in tags else "its column `building` is empty")


def _other_key(tags: dict[str, str]) -> str | None:
    if tags.get("amenity") in _OPEN_AMENITIES.split() and tags.get("parking") not in (
        "multi-storey",
        "underground",
    ):
        return f"amenity={tags['amenity']}"
    return next((key for key in OTHER_KEYS if tags.get(key, "no") != "no"), None)


_AREAS, _LINES = ("Polygon", "MultiPolygon"), ("LineString", "MultiLineString")


@dataclass
class _Rows:
    """What the rows of a file became."""

    buildings: list[Feature] = dataclasses.field(default_factory=list)
    areas: list[Feature] = dataclasses.field(default_factory=list)
    lines: list[Feature] = dataclasses.field(default_factory=list)


def read_building_file(path: Path, options: SourceOptions) -> TaggedMap:
    """Reads buildings, and roads and vegetation where the file or files of their own hold them.

    Columns are used that mean OSM's tags (`building_columns`); `options.height_field` names the one with the
    height [m]. A polygon is a building where nothing in its row speaks against it (`as_building`).

    Raises:
        InputError: a file is unreadable or has no CRS, the height field is missing, there is no building, or
            the heights are above sea level and the ground is not known.
    """
    table, tally = read_table(path), Counter[str]()
    cells = cells_of(table)
    if options.height_field is not None and named_column(options.height_field, cells)[0] not in cells:
        raise InputError(
            f"{path} has no column {options.height_field!r} for --height-field; it has {', '.join(cells)}"
        )
    columns = columns_of(cells, options.height_field)
    rows = _sorted_rows(path, table, cells, columns, tally)
    bounds = _bounds(rows.buildings)
    buildings = above_ground(path, rows.buildings, cells, columns, options.terrain, tally)
    roads = _roads(options.roads, tally) if options.roads else []
    trees = _vegetation(options.vegetation, tally) if options.vegetation else []
    return TaggedMap(
        tuple(buildings + rows.areas + trees),
        tuple(rows.lines + roads),
        bounds,
        tally,
        notes=_unused_note(columns),
    )


def _bounds(buildings: list[Feature]) -> Bounds:
    west, south, east, north = shapely.total_bounds([feature.geometry for feature in buildings])
    return float(west), float(south), float(east), float(north)


def _unused_note(columns: Columns) -> tuple[str, ...]:
    if not columns.unused:
        return ()
    remedy = "" if columns.says_height() else "; --height-field NAME takes one of them for the height"
    return (f"columns not used: {', '.join(columns.unused)}{remedy}",)


def _sorted_rows(
    path: Path, table: Any, cells: dict[str, list[Any]], columns: Columns, tally: Counter[str]
) -> _Rows:
    rows, polygons = _Rows(), 0
    for number, shape in enumerate(_shapes(table)):
        tags = columns.tags({name: values[number] for name, values in cells.items()})
        if shape is None or shape.is_empty:
            tally["row of the building file left out: it has no shape"] += 1
        elif shape.geom_type in _AREAS:
            polygons += 1
            _take_area(rows, f"building/{number}", tags, shape, columns, tally)
        else:
            _take_other(rows, number, tags, shape, tally)
    if not polygons:
        raise InputError(f"{path} holds no polygons, so no buildings; give a file of building footprints")
    if not rows.buildings:
        raise InputError(
            f"{path} holds {polygons} polygons and says of each that it is no building; "
            "give a file of building footprints"
        )
    return rows


def _take_area(
    rows: _Rows, name: str, tags: dict[str, str], shape: BaseGeometry, columns: Columns, tally: Counter[str]
) -> None:
    known, against = as_building(tags, columns)
    if against is None:
        rows.buildings.append(Feature(name, known, shape))
    elif is_ground_area(known):
        rows.areas.append(Feature(name.replace("building", "area"), known, shape))
        tally[f"polygon used as ground, not as a building: {against}"] += 1
    else:
        tally[f"polygon left out, it is no building: {against}"] += 1


def _take_other(
    rows: _Rows, number: int, tags: dict[str, str], shape: BaseGeometry, tally: Counter[str]
) -> None:
    """Streets, coastlines and trees among the buildings."""
    road = _road_tags(tags)
    if shape.geom_type in _LINES and ("highway" in road or tags.get("natural") in NATURAL_LINES):
        lines = enumerate(shapely.get_parts(shape))
        rows.lines.extend(Feature(f"line/{number}#{part}", road, line) for part, line in lines)
    elif shape.geom_type == "Point" and tags.get("natural") == "tree":
        rows.areas.append(Feature(f"tree/{number}", {"natural": "tree"}, shape))
    else:
        tally[
            f"row left out: a {shape.geom_type} is no building, and it is not tagged as a street or a tree"
        ] += 1


def _road_tags(tags: dict[str, str]) -> dict[str, str]:
    """A line's tags, with the class of road that a column of kinds may hold."""
    plain = {key: value for key, value in tags.items() if key not in (KIND, "building")}
    kind = tags.get(KIND, "")
    named = {"highway": kind} if "highway" not in plain and road_class_of({"highway": kind}) else {}
    return plain | named


def _roads(path: Path, tally: Counter[str]) -> list[Feature]:
    table = read_table(path)
    cells = cells_of(table)
    columns = columns_of(cells, None)
    found: list[Feature] = []
    for number, shape in _wanted(table, _LINES, "road", tally):
        tags = _road_tags(columns.tags({name: values[number] for name, values in cells.items()}))
        lines = enumerate(shapely.get_parts(shape))
        found += [
            Feature(f"road/{number}#{part}", {"highway": "residential", **tags}, line) for part, line in lines
        ]
    return found


def _vegetation(path: Path, tally: Counter[str]) -> list[Feature]:
    rows = _wanted(read_table(path), _AREAS, "vegetation", tally)
    return [Feature(f"vegetation/{number}", {"natural": "wood"}, shape) for number, shape in rows]


def _wanted(
    table: Any, kinds: tuple[str, ...], role: str, tally: Counter[str]
) -> list[tuple[int, BaseGeometry]]:
    """Number and plan shape of each row of the wanted kinds; others are counted."""
    wanted = []
    for number, shape in enumerate(_shapes(table)):
        if shape is None or shape.geom_type not in kinds or shape.is_empty:
            tally[f"row of the {role} file left out: its shape is missing or of another kind"] += 1
        else:
            wanted.append((number, shape))
    return wanted


def _shapes(table: Any) -> np.ndarray:
    shapes: np.ndarray = shapely.force_2d(np.asarray(table.geometry.values, dtype=object))
    return shapes
