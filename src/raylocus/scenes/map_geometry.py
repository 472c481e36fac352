"""G of a mapped place: what its mesh shows from above, and what its map says of the ground."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Shaped

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS, geometry_maps
from raylocus.scenes.ground.layers import ground_layers, road_distance
from raylocus.scenes.meshing.scene_mesh import SceneMesh, scene_mesh
from raylocus.scenes.rasterize import plan_area, topmost_surface
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, VectorMap


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
