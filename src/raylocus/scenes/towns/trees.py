"""Trees of a town: along its streets, over its open land, in its parks."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Float
from shapely import Polygon, STRtree

from raylocus.scenes.towns.frames import polygons_of
from raylocus.scenes.towns.style import Greenery, Street

#: Trees per hectare of a park.
PARK_TREES = 70.0
#: Least distance from a crown to a wall [m].
WALL_DISTANCE = 0.5


def plant(
    side: float,
    greenery: Greenery,
    streets: list[Street],
    parks: list[Polygon],
    obstacles: list[shapely.Geometry],
    generator: np.random.Generator,
) -> tuple[Polygon, ...]:
    """Crowns in plan, merged where they touch.

    Args:
        side: side of the town [m].
        greenery: how many trees.
        streets: streets that may carry trees.
        parks: blocks planted as parks.
        obstacles: buildings, carriageways and water, which crowns keep clear of.
        generator: chance of positions and crowns.
    """
    sown = generator.uniform(-side / 2, side / 2, (int(greenery.trees_per_hectare * side**2 / 1e4), 2))
    trunks = np.concatenate([_along_streets(streets, greenery), sown, _in_parks(parks, generator)])
    radii = generator.uniform(*greenery.crown_radius, len(trunks))
    inside = np.abs(trunks).max(axis=1, initial=0) < side / 2 - greenery.crown_radius[1]
    points, radii = shapely.points(trunks[inside]), radii[inside]
    blocked = np.zeros(len(points), bool)
    if len(points) and obstacles:
        hits, _ = STRtree(obstacles).query(points, predicate="dwithin", distance=radii + WALL_DISTANCE)
        blocked[hits] = True
    crowns = shapely.buffer(points[~blocked], radii[~blocked], quad_segs=2)
    return tuple(polygons_of(shapely.union_all(crowns)))


def _along_streets(streets: list[Street], greenery: Greenery) -> Float[np.ndarray, "tree 2"]:
    """Trunks midway between carriageway and façade, on both sides."""
    if greenery.street_tree_spacing is None:
        return np.zeros((0, 2))
    trunks = []
    for street in streets:
        offset = (street.width + street.corridor) / 4
        for side in (-offset, offset):
            line = shapely.offset_curve(street.line, side)
            distances = np.arange(8.0, line.length - 8.0, greenery.street_tree_spacing)
            trunks.append(shapely.get_coordinates(shapely.line_interpolate_point(line, distances)))
    return np.concatenate(trunks) if trunks else np.zeros((0, 2))


def _in_parks(parks: list[Polygon], generator: np.random.Generator) -> Float[np.ndarray, "tree 2"]:
    trunks = [np.zeros((0, 2))]
    for park in parks:
        west, south, east, north = park.bounds
        count = int(PARK_TREES * (east - west) * (north - south) / 1e4)
        drawn = generator.uniform((west, south), (east, north), (count, 2))
        trunks.append(drawn[shapely.contains_xy(park, drawn)])
    return np.concatenate(trunks)
