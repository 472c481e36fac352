"""The sea: what lies to the right of OSM's coastlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry import LineString

from raylocus.scenes.tagged.features import Feature

#: How far next to a coastline its side is probed [m].
PROBE = 0.01


def sea_of(lines: Sequence[Feature], width: float, depth: float) -> tuple[Polygon, ...]:
    """Sea within a rectangle around the origin.

    Where coastlines end inside the rectangle, land and sea are not distinguished and no sea is known.

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
    wet, dry = (_probed(faces, _points_beside(coast, left)) for left in (-PROBE, PROBE))
    return tuple(faces[wet & ~dry])


def _probed(faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which faces hold any of the points."""
    _, face = shapely.STRtree(faces).query(points, predicate="within")
    held = np.zeros(len(faces), bool)
    held[face] = True
    return held


def _points_beside(lines: Sequence[LineString], left: float) -> np.ndarray:
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
