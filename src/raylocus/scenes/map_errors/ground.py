"""The ground as it may be: the mapped terrain and an error that is correlated over it."""

from __future__ import annotations

import dataclasses

import numpy as np

from raylocus.geo import Grid
from raylocus.scenes.ground.terrain import FLAT
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.meshing.scene_mesh import TERRAIN_STEP
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import Terrain
from raylocus.scenes.world import gaussian_fields


def terrain_of_mesh(ground: Triangles, source: str) -> Terrain:
    """The terrain that a place's ground triangles were made of: heights at their corners.

    Args:
        ground: a square of terrain, flat or a regular grid of triangles.
        source: as in `Terrain`.
    """
    corner = ground.vertices.reshape(-1, 3)
    axis = np.unique(np.round(corner[:, 0], 3))
    side = float(axis[-1] - axis[0])
    if len(axis) == 2:
        # A flat square; finer, so that its error can be shaped.
        step = side / np.ceil(side / TERRAIN_STEP)
        grid = Grid(round(side / step + 1) * step, step)
        return Terrain(grid, np.full(grid.shape, corner[0, 2]), source)
    step = side / (len(axis) - 1)
    grid = Grid(len(axis) * step, step)
    column, row = np.round((corner[:, :2] + side / 2) / step).astype(int).T
    height = np.zeros(grid.shape)
    height[row, column] = corner[:, 2]
    return Terrain(grid, height, source)


def draw_terrain(terrain: Terrain, law: MapErrorLaw, generator: np.random.Generator) -> Terrain:
    """The terrain with an error of the law's spread for its source; zero on average."""
    spread = law.terrain_error(terrain.source)
    if spread == 0:
        return terrain
    (error,) = gaussian_fields(1, terrain.grid, law.terrain_distance, generator)
    source = "generated" if terrain.source == FLAT else terrain.source
    return dataclasses.replace(
        terrain, height=terrain.height + spread * (error - error.mean()), source=source
    )
