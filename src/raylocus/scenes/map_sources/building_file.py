"""Buildings, and the streets and ground around them, from any file that geopandas reads, in any CRS."""

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
from raylocus.scenes.ground.from_features import is_ground_area, road_class_of
from raylocus.scenes.map_sources.building_columns import KIND, Columns, columns_of, named_column
from raylocus.scenes.map_sources.options import SourceOptions
from raylocus.scenes.map_sources.row_roles import as_building
from raylocus.scenes.map_sources.sea_level import above_ground
from raylocus.scenes.map_sources.tables import cells_of, read_table
from raylocus.scenes.osm.tags import NATURAL_LINES
from raylocus.scenes.tagged.features import Bounds, Feature, TaggedMap

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
    height [m]. A polygon is a building where nothing in its row speaks against it (`row_roles`).

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
    columns, found = columns_of(cells, None), []
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
