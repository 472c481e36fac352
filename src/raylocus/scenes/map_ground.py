"""Coarse rasters of a vector map, read in squares, so that a wide map costs little memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import coarse_ground
from raylocus.scenes.ground.layers import burnt
from raylocus.scenes.ground.terrain import read_terrain, terrain_height
from raylocus.scenes.map_sources.elevation_tiles import elevation_for
from raylocus.scenes.meshing.scene_mesh import lowest_ground
from raylocus.scenes.vector_map import Terrain, VectorMap

#: Buildings are burnt into cells of this side before they are summed up [m].
FINE = 4.0
#: Coarse cells along the side of a square.
SQUARE = 64


def ground_of_map(vector_map: VectorMap, terrain_around: Terrain, grid: Grid) -> xr.Dataset:
    """Terrain, highest roofs and shares of buildings and water over a grid, see `scenes.geometry_maps`.

    Args:
        vector_map: the map; beyond it the ground is open.
        terrain_around: ground heights over the grid, which may reach beyond the map.
        grid: coarse cells, which hold whole cells of `FINE`.
    """
    shapes = np.array([building.footprint for building in vector_map.buildings], dtype=object)
    tops = np.array([building.height for building in vector_map.buildings])
    if len(shapes):
        tops = tops + lowest_ground(vector_map.terrain, shapes)[0]
    # What is burnt last stays: the highest.
    order = np.argsort(tops, kind="stable")
    buildings = _Shapes(shapes[order], tops[order])
    water = _Shapes(np.array(list(vector_map.water), dtype=object), np.ones(len(vector_map.water)))
    terrain = terrain_height(terrain_around, grid.centres).reshape(grid.shape)
    surface, built, wet = terrain.copy(), np.zeros(grid.shape), np.zeros(grid.shape)
    for first_row in range(0, grid.count, SQUARE):
        for first_column in range(0, grid.count, SQUARE):
            part = np.s_[first_row : first_row + SQUARE, first_column : first_column + SQUARE]
            square = _square(grid, first_row, first_column)
            top = buildings.over(square)
            roof = _coarse(np.where(np.isnan(top), -np.inf, top)).max(axis=-1)[: built[part].shape[0]]
            columns = built[part].shape[1]
            surface[part] = np.maximum(surface[part], roof[:, :columns])
            rows = slice(built[part].shape[0])
            built[part] = _coarse(~np.isnan(top)).mean(axis=-1)[rows, :columns]
            wet[part] = _coarse(~np.isnan(water.over(square))).mean(axis=-1)[rows, :columns]
    return coarse_ground(grid, terrain=terrain, surface=surface, built=built, water=wet)


class _Shapes:
    """Areas with a value each, found by where they are."""

    def __init__(self, shapes: np.ndarray, values: Float[np.ndarray, " shape"]) -> None:
        self._shapes, self._values, self._tree = shapes, values, shapely.STRtree(shapes)

    def over(self, square: Grid) -> Float[np.ndarray, "y x"]:
        """The value of the last area that holds each cell's centre; NaN where there is none."""
        near = np.sort(self._tree.query(shapely.box(*square.bounds)))
        if not len(near):
            return np.full(square.shape, np.nan)
        lowest = float(self._values[near].min()) - 1.0
        raised = (self._values[near] - lowest).tolist()  # 0 stands for none
        layer = burnt(list(self._shapes[near]), raised, square, "float32").astype(np.float64)
        return np.where(layer > 0, layer + lowest, np.nan)


def _square(grid: Grid, row: int, column: int) -> Grid:
    """Fine cells over a square of coarse ones that begins at a row and column."""
    side = SQUARE * grid.resolution
    west, south = grid.bounds[0] + column * grid.resolution, grid.bounds[1] + row * grid.resolution
    return Grid(side, FINE, (west + side / 2, south + side / 2))


def _coarse(fine: np.ndarray) -> np.ndarray:
    """The fine cells of each coarse one along the last axis."""
    step = len(fine) // SQUARE
    return fine.reshape(SQUARE, step, SQUARE, step).swapaxes(1, 2).reshape(SQUARE, SQUARE, step * step)


def wide_terrain(vector_map: VectorMap, elevation: Path | None, side: float) -> Terrain:
    """Ground heights over a square of the side `side` [m] about a map's origin, as far as they are known.

    Args:
        vector_map: the map, whose own terrain is taken where the elevation does not reach as far.
        elevation: file, `AUTO`, or None.
        side: of the square [m].

    Raises:
        PlaceError: heights are to be fetched, and no server can be reached.
    """
    if elevation is None:
        return vector_map.terrain
    found = elevation_for(elevation, vector_map.frame, side)
    try:
        return read_terrain(found.path, vector_map.frame, side)
    except InputError:  # a user's own file covers the map, and no more
        return vector_map.terrain
