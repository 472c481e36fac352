"""G of a mapped place: what its mesh shows from above, and what its map says of the ground."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS, geometry_maps
from raylocus.scenes.ground.layers import ground_layers
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.rasterize import plan_area, topmost_surface
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.vector_map import CLUTTER, ROAD_CLASSES, VectorMap


def map_geometry(vector_map: VectorMap, mesh: SceneMesh, tile: Grid) -> xr.Dataset:
    """The geometry maps of a place, see `geometry_maps`, with every layer known.

    A cell is inside a building where one is the topmost surface, however low: unlike in a bare mesh,
    what is a building need not be guessed from the height.
    """
    triangles = mesh.triangles
    terrain = _ground_height(triangles.select(triangles.ground), tile)
    roofs = np.flatnonzero(~triangles.ground & (plan_area(triangles.vertices) > 0))
    top, owner = topmost_surface(triangles.select(roofs), tile)
    covered = np.nan_to_num(top, nan=-np.inf) > terrain
    building, material = np.full(tile.shape, -1), np.full(tile.shape, MATERIALS.index("ground"))
    building[covered] = mesh.building[roofs[owner[covered]]]
    material[covered] = triangles.material[roofs[owner[covered]]]
    deviation = np.array([each.height_deviation for each in mesh.buildings] + [np.nan])
    clutter = np.array([each.height_source == CLUTTER for each in mesh.buildings] + [False])
    inside = (covered & ~clutter[building]).astype(np.float64)
    known = {
        "footprint": inside,
        "height_deviation": deviation[building],
        **ground_layers(vector_map, tile),
    }
    maps = geometry_maps(tile, terrain, np.where(covered, top, terrain), material, known)
    maps["road_class"].attrs["classes"] = list(ROAD_CLASSES)
    maps["terrain"].attrs["source"] = vector_map.terrain.source
    return maps


def _ground_height(ground: Triangles, tile: Grid) -> Float[np.ndarray, "y x"]:
    """Height of the terrain's triangles [m]; a flat one covers the tile and need not be looked up."""
    z = ground.vertices[..., 2]
    if np.ptp(z) == 0:
        return np.full(tile.shape, z.flat[0])
    return topmost_surface(ground, tile)[0]
