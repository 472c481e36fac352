"""A map as meshes and rasters: the mesh of a tile with its G, and the coarse ground far around."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import shapely
import xarray as xr
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.ragged import Rows
from raylocus.scenes.geometry_maps import MATERIALS, coarse_ground, geometry_maps
from raylocus.scenes.ground.layers import burnt, ground_layers, road_distance
from raylocus.scenes.ground.terrain import read_terrain, terrain_height
from raylocus.scenes.map_sources.elevation_tiles import elevation_for
from raylocus.scenes.meshing.scene_mesh import SceneMesh, lowest_ground, scene_mesh
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, Terrain, VectorMap

#: Triangles whose plan area is below this [m²] are walls: they have no height of their own.
SMALLEST_PLAN_AREA = 1e-6
#: A cell centre this share of a triangle outside its edge still belongs to it, so that neighbours leave no gap.
EDGE = 1e-9


def topmost_surface(
    triangles: Triangles, grid: Grid
) -> tuple[Float[np.ndarray, "y x"], Int[np.ndarray, "y x"]]:
    """Height [m] of the topmost surface above each cell centre, and the index of its triangle.

    Cells with nothing below are NaN and −1.
    """
    triangle, cell, height = _plan_hits(triangles.vertices, grid)
    surface = np.full(grid.count**2, np.nan)
    owner = np.full(grid.count**2, -1, np.int32)
    surface[cell], owner[cell] = height, triangle
    # Where several meet, the last that is written stays: the highest, and of equals the later triangle.
    shared = np.zeros(grid.count**2, bool)
    shared[cell[owner[cell] != triangle]] = True
    several = np.flatnonzero(shared[cell])
    upwards = several[np.argsort(height[several], kind="stable")]
    surface[cell[upwards]], owner[cell[upwards]] = height[upwards], triangle[upwards]
    return surface.reshape(grid.shape), owner.reshape(grid.shape)


def _plan_hits(
    vertices: Float[np.ndarray, "triangle 3 3"], grid: Grid
) -> tuple[Int[np.ndarray, " hit"], Int[np.ndarray, " hit"], Float[np.ndarray, " hit"]]:
    """Every (triangle, cell centre) pair that meets in plan, with the height there."""
    flat = np.flatnonzero(np.abs(plan_area(vertices)) > SMALLEST_PLAN_AREA)
    corner = vertices[flat]
    to_cell = (corner[..., :2] - grid.bounds[:2]) / grid.resolution - 0.5
    low = np.clip(np.ceil(to_cell.min(axis=1) - 1e-9), 0, grid.count).astype(int)
    high = np.clip(np.floor(to_cell.max(axis=1) + 1e-9), -1, grid.count - 1).astype(int)
    span = np.maximum(high - low + 1, 0)
    pairs = Rows.of(span.prod(axis=1))
    owner = pairs.row
    row, column = np.divmod(pairs.rank, np.maximum(span[:, 0], 1)[owner])
    row, column = row + low[owner, 1], column + low[owner, 0]
    # From a corner of its own triangle, so that far from the origin no digits are lost.
    x = grid.x_coordinates[column] - corner[owner, 0, 0]
    y = grid.y_coordinates[row] - corner[owner, 0, 1]
    second, third = _slopes(corner)
    to_second, to_third = (slope[owner, 0] * x + slope[owner, 1] * y for slope in (second, third))
    inside = np.flatnonzero((to_second >= -EDGE) & (to_third >= -EDGE) & (to_second + to_third <= 1 + EDGE))
    owner, rise = owner[inside], corner[:, 1:, 2] - corner[:, :1, 2]
    height = corner[owner, 0, 2] + to_second[inside] * rise[owner, 0] + to_third[inside] * rise[owner, 1]
    return flat[owner], (row * grid.count + column)[inside], height


def _slopes(
    corner: Float[np.ndarray, "triangle 3 3"],
) -> tuple[Float[np.ndarray, "triangle 2"], Float[np.ndarray, "triangle 2"]]:
    """How fast the barycentric weights of the second and third corner grow with x and y [1/m]."""
    (ax, ay), (bx, by) = ((corner[:, index, :2] - corner[:, 0, :2]).T for index in (1, 2))
    area = ax * by - ay * bx
    return np.column_stack([by, -bx]) / area[:, None], np.column_stack([-ay, ax]) / area[:, None]


def plan_area(vertices: Float[np.ndarray, "triangle 3 3"]) -> Float[np.ndarray, " triangle"]:
    """Area of each triangle seen from above [m²], negative where it faces down."""
    first, second = vertices[:, 1, :2] - vertices[:, 0, :2], vertices[:, 2, :2] - vertices[:, 0, :2]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def mesh_and_maps(vector_map: VectorMap, side: float, tile: Grid) -> tuple[SceneMesh, xr.Dataset]:
    """A map's mesh over a square of the side `side` [m], and its geometry maps, see `geometry_maps`.

    Every layer is known. A cell is inside a building where one is the topmost surface, however low: unlike
    in a bare mesh, what is a building need not be guessed from the height.
    """
    mesh = scene_mesh(vector_map, side)
    maps = _maps_of_mesh(mesh, tile, ground_layers(vector_map, tile))
    maps["road_class"].attrs["classes"] = list(ROAD_CLASSES)
    maps["terrain"].attrs["source"] = vector_map.terrain.source
    return mesh, maps


def _maps_of_mesh(
    mesh: SceneMesh, tile: Grid, on_ground: Mapping[str, Float[np.ndarray, "y x"]]
) -> xr.Dataset:
    triangles = mesh.triangles
    terrain = _ground_height(triangles.select(triangles.ground), tile)
    roofs = np.flatnonzero(~triangles.ground & (plan_area(triangles.vertices) > 0))
    top, owner = topmost_surface(triangles.select(roofs), tile)
    covered = top > terrain  # not where nothing stands, and top is NaN
    seen = roofs[owner[covered]]
    building = mesh.building[seen]
    deviation = np.array([each.height_deviation for each in mesh.buildings], np.float32)
    clutter = np.array([each.height_source == CLUTTER for each in mesh.buildings], bool)
    base, summit = terrain[covered], top[covered]
    surface = terrain.astype(np.float32)
    surface[covered] = summit
    material = _where(covered, triangles.material[seen], MATERIALS.index("ground")).astype(np.int16)
    known = {
        "height": _where(covered, summit - base, 0.0),
        "footprint": _where(covered, ~clutter[building], 0.0),
        "height_deviation": _where(covered, deviation[building], np.nan),
        **on_ground,
        "road_distance": road_distance(on_ground["road"], tile),
    }
    return geometry_maps(tile, terrain, surface, material, known)


def _where(
    covered: Bool[np.ndarray, "y x"], values: Shaped[np.ndarray, " cell"], elsewhere: float | int
) -> Float[np.ndarray, "y x"]:
    """A layer of the values of the covered cells, and of one value everywhere else."""
    layer = np.full(covered.shape, elsewhere, np.float32)
    layer[covered] = values
    return layer


def _ground_height(ground: Triangles, tile: Grid) -> Float[np.ndarray, "y x"]:
    """Height of the terrain's triangles [m]; a flat one covers the tile and need not be looked up."""
    z = ground.vertices[..., 2]
    if np.ptp(z) == 0:
        return np.broadcast_to(z.flat[0], tile.shape)
    return topmost_surface(ground, tile)[0]


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
