"""Street widths and block sizes as they show in a map: façade to façade, street to street."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon, STRtree

from raylocus.scenes.vector_map import Road

#: Classes of road that part one block from the next.
STREET_CLASSES = ("motorway", "primary", "residential")
#: Distance between the points of a street where its width is measured [m].
MEASURE_STEP = 12.0
#: A façade further than this from the middle of the street does not belong to it [m].
FARTHEST_FACADE = 40.0


def street_widths(
    roads: Sequence[Road], footprints: Sequence[Polygon], window: Polygon
) -> Float[np.ndarray, "place"]:
    """Façade to façade [m] along the streets in the window, wherever both sides are built up."""
    points, normals = _along(roads, window)
    if not len(points) or not len(footprints):
        return np.zeros(0)
    tree = STRtree(footprints)
    left, right = (_facade_distance(points, sign * normals, tree) for sign in (1.0, -1.0))
    width = left + right
    return width[np.isfinite(width)]


def block_sides(roads: Sequence[Road], window: Polygon) -> Float[np.ndarray, "block"]:
    """Roots of the areas [m] of the blocks between street centres, cut off at the window's border."""
    lines = [road.line for road in roads if road.road_class in STREET_CLASSES]
    network = shapely.intersection(shapely.union_all([*lines, window.boundary]), window)
    faces = shapely.get_parts(shapely.polygonize([shapely.node(network)]))
    return np.sqrt(shapely.area(faces))


def _along(
    roads: Sequence[Road], window: Polygon
) -> tuple[Float[np.ndarray, "place 2"], Float[np.ndarray, "place 2"]]:
    """Points along the streets in the window, and the unit normals to their left."""
    points, normals = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for road in roads:
        if road.road_class not in STREET_CLASSES:
            continue
        distances = np.arange(MEASURE_STEP / 2, road.line.length - 1.0, MEASURE_STEP)
        here = shapely.get_coordinates(shapely.line_interpolate_point(road.line, distances))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(road.line, distances + 1.0))
        inside = shapely.contains_xy(window, here) if len(here) else np.zeros(0, bool)
        points.append(here[inside])
        normals.append(((ahead - here) @ np.array([[0.0, 1.0], [-1.0, 0.0]]))[inside])
    return np.concatenate(points), np.concatenate(normals)


def _facade_distance(
    points: Float[np.ndarray, "place 2"], directions: Float[np.ndarray, "place 2"], tree: STRtree
) -> Float[np.ndarray, "place"]:
    """Distance [m] to the first building in a direction; NaN where there is none, or the point is in one."""
    rays = shapely.linestrings(np.stack([points, points + FARTHEST_FACADE * directions], axis=1))
    ray, building = tree.query(rays, predicate="intersects")
    meeting = shapely.intersection(rays[ray], tree.geometries[building])
    reached = shapely.distance(shapely.points(points[ray]), meeting)
    nearest = np.full(len(points), np.inf)
    np.minimum.at(nearest, ray, reached)
    return np.where((nearest > 0) & np.isfinite(nearest), nearest, np.nan)
