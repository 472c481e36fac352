"""Tagged shapes to roads, pavements, water and vegetation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.scenes.tagged import Feature, parse_count, parse_length
from raylocus.scenes.vector_map import Road

#: Values of highway by class of ROAD_CLASSES; others (construction, platform …) are no roads.
_VALUES = {
    "motorway": "motorway motorway_link trunk trunk_link",
    "primary": "primary primary_link secondary secondary_link tertiary tertiary_link",
    "residential": "residential unclassified living_street road busway",
    "service": "service track",
    "pedestrian": "pedestrian footway path steps cycleway bridleway",
}
_CLASS_OF = {value: road_class for road_class, values in _VALUES.items() for value in values.split()}
#: Width where neither width nor lanes are tagged, and width of a lane [m].
DEFAULT_WIDTH = {"motorway": 14.0, "primary": 11.0, "residential": 7.0, "service": 4.0, "pedestrian": 2.5}
LANE = 3.25
#: Widths outside are typing errors [m].
WIDTHS = (0.5, 60.0)

_WATER = {"natural": {"water", "bay"}, "landuse": {"reservoir", "basin"}, "waterway": {"riverbank", "dock"}}
_VEGETATION = {"natural": {"wood"}, "landuse": {"forest", "orchard"}}
#: Values of natural of single trees and of rows of them.
TREES = ("tree", "tree_row")
#: Radius of the crown of a single tree, and of those in a row [m].
CROWN_RADIUS = 3.0


def roads_of(features: Sequence[Feature]) -> tuple[Road, ...]:
    """Roads of `highway` lines in local metres; tunnels and areas are left out."""
    roads = []
    for feature in features:
        tags, line = feature.tags, feature.geometry
        road_class = road_class_of(tags)
        if (
            road_class is None
            or _hidden(tags)
            or tags.get("area") == "yes"
            or not isinstance(line, LineString)
        ):
            continue
        roads.append(Road(line, road_class, _width(tags, road_class)))
    return tuple(roads)


def road_class_of(tags: dict[str, str]) -> str | None:
    """One of ROAD_CLASSES for a `highway` tag; None where it is no road."""
    return _CLASS_OF.get(tags.get("highway", ""))


def water_of(features: Sequence[Feature]) -> tuple[Polygon, ...]:
    """Open water among areas in local metres."""
    return _areas(features, _WATER)


def vegetation_of(features: Sequence[Feature]) -> tuple[Polygon, ...]:
    """Woods, orchards, and the crowns of single trees and of rows of trees, in local metres."""
    trees = [each.geometry for each in features if each.tags.get("natural") in TREES]
    crowns = shapely.buffer(np.array(trees, object), CROWN_RADIUS, quad_segs=2)
    return _areas(features, _VEGETATION) + tuple(shapely.get_parts(crowns))


def pavements_of(features: Sequence[Feature]) -> tuple[Polygon, ...]:
    """Squares and paved areas for people, among areas in local metres."""
    return _polygons([each for each in features if _is_pavement(each.tags) and not _hidden(each.tags)])


def is_ground_area(tags: dict[str, str]) -> bool:
    """Whether an area's tags are those of water, vegetation, a tree or a pavement."""
    return (
        tags.get("natural") in TREES
        or _is_any(tags, _WATER)
        or _is_any(tags, _VEGETATION)
        or _is_pavement(tags)
    )


def _is_pavement(tags: dict[str, str]) -> bool:
    walked = tags.get("highway") in ("pedestrian", "footway") and tags.get("area") == "yes"
    return walked or "area:highway" in tags


def _is_any(tags: dict[str, str], values: dict[str, set[str]]) -> bool:
    return any(tags.get(key) in wanted for key, wanted in values.items())


def _areas(features: Sequence[Feature], values: dict[str, set[str]]) -> tuple[Polygon, ...]:
    return _polygons([each for each in features if _is_any(each.tags, values) and not _hidden(each.tags)])


def _polygons(features: Sequence[Feature]) -> tuple[Polygon, ...]:
    shapes = np.empty(len(features), object)
    shapes[:] = [feature.geometry for feature in features]
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(shapes)))
    return tuple(part for part in parts if isinstance(part, Polygon) and part.area > 0)


def _hidden(tags: dict[str, str]) -> bool:
    layer = parse_count(tags["layer"]) if "layer" in tags else None
    underground = layer is not None and layer < 0 and tags.get("bridge", "no") == "no"
    return tags.get("tunnel", "no") not in ("no", "building_passage") or underground


def _width(tags: dict[str, str], road_class: str) -> float:
    """The tagged width [m], else that of the tagged lanes, else the class's; what cannot be is not tagged."""
    tagged = (parse_length(tags.get("width", "")), (parse_count(tags.get("lanes", "")) or 0.0) * LANE)
    known = (width for width in tagged if width is not None and WIDTHS[0] <= width <= WIDTHS[1])
    return next(known, DEFAULT_WIDTH[road_class])


#: How far to either side of a coastline its side is probed [m].
PROBE = 0.01


def sea_of(lines: Sequence[Feature], width: float, depth: float) -> tuple[Polygon, ...]:
    """Sea within a rectangle around the origin.

    Where coastlines end inside the rectangle, land and sea cannot be distinguished and no sea is known.

    Args:
        lines: features in local metres; those tagged `natural=coastline` have land on their left (OSM).
        width: of the rectangle from west to east [m].
        depth: of the rectangle from south to north [m].
    """
    rectangle = shapely.box(-width / 2, -depth / 2, width / 2, depth / 2)
    coast = [line.geometry for line in lines if line.tags.get("natural") == "coastline"]
    coast = [line for line in coast if isinstance(line, LineString) and line.intersects(rectangle)]
    if not coast:
        return ()
    edges = shapely.union_all([rectangle.boundary, *(line.intersection(rectangle) for line in coast)])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    wet, dry = (_probed(faces, _points_left_of(coast, left)) for left in (-PROBE, PROBE))
    return tuple(faces[wet & ~dry])


def _probed(faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which faces hold any of the points."""
    _, face = shapely.STRtree(faces).query(points, predicate="within")
    held = np.zeros(len(faces), bool)
    held[face] = True
    return held


def _points_left_of(lines: Sequence[LineString], left: float) -> np.ndarray:
    """A point next to the middle of every segment, `left` metres to its left."""
    corner, line = shapely.get_coordinates(lines, return_index=True)
    segment = np.flatnonzero(line[:-1] == line[1:])
    start, end = corner[segment], corner[segment + 1]
    along = end - start
    normal = (
        np.column_stack([-along[:, 1], along[:, 0]])
        / np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
    )
    return shapely.points((start + end) / 2 + left * normal)
