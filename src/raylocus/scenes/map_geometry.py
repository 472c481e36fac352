"""G of a mapped place: what its mesh shows from above, by a z-buffer, and what its map says of the ground."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int, Shaped

from raylocus.geo import Grid
from raylocus.ragged import Rows
from raylocus.scenes.geometry_maps import MATERIALS, geometry_maps
from raylocus.scenes.ground.layers import ground_layers, road_distance
from raylocus.scenes.meshing.scene_mesh import SceneMesh, scene_mesh
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, VectorMap

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
