"""The terrain as triangles, and how buildings stand on it."""

from __future__ import annotations

import numpy as np
import shapely
from jaxtyping import Float

from raylocus.scenes.ground.terrain import FLAT, terrain_height
from raylocus.scenes.vector_map import Terrain

#: Longest side of a terrain triangle's legs [m].
TERRAIN_STEP = 16.0
#: Walls reach this far below the lowest ground, so that no ray slips under them [m].
FOUNDATION = 0.5


def terrain_triangles(terrain: Terrain, side: float) -> Float[np.ndarray, "triangle 3 3"]:
    """A square of the side `side` [m] around the origin, facing up; two triangles where it is flat."""
    steps = 1 if np.ptp(terrain.height) == 0 else int(np.ceil(side / TERRAIN_STEP))
    axis = np.linspace(-side / 2, side / 2, steps + 1)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    corner = np.column_stack(
        [x.ravel(), y.ravel(), terrain_height(terrain, np.column_stack([x.ravel(), y.ravel()]))]
    )
    index = np.arange((steps + 1) ** 2).reshape(steps + 1, steps + 1)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return np.stack([corner[np.stack([a, b, c], -1)], corner[np.stack([a, c, d], -1)]], axis=1).reshape(
        -1, 3, 3
    )


def lowest_ground(
    terrain: Terrain, polygons: np.ndarray
) -> tuple[Float[np.ndarray, "polygon"], Float[np.ndarray, "polygon"]]:
    """Lowest ground [m] at each polygon's corners, and a z below all ground under and around it."""
    if terrain.source == FLAT or np.ptp(terrain.height) == 0:
        ground = np.full(len(polygons), float(terrain.height.flat[0]))
        return ground, ground - FOUNDATION
    corner, owner = shapely.get_coordinates(polygons, return_index=True)
    lowest = np.full(len(polygons), np.inf)
    np.minimum.at(lowest, owner, terrain_height(terrain, corner))
    return lowest, np.minimum(lowest, _lowest_around(terrain, polygons)) - FOUNDATION


def _lowest_around(terrain: Terrain, polygons: np.ndarray) -> Float[np.ndarray, "polygon"]:
    """Lowest ground in the bounding box of each polygon, a terrain triangle wider all round."""
    grid = terrain.grid
    bounds = shapely.bounds(polygons)
    reach = np.array([-TERRAIN_STEP, -TERRAIN_STEP, TERRAIN_STEP, TERRAIN_STEP])
    pixel = (bounds + reach + grid.size / 2) / grid.resolution
    low = np.clip(np.floor(pixel[:, :2]), 0, grid.count - 1).astype(int)
    high = np.clip(np.ceil(pixel[:, 2:]), 1, grid.count).astype(int)
    windows = (terrain.height[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(low, high, strict=True))
    return np.array([window.min() for window in windows])
