"""G of a mapped place: what its mesh shows from above, and what its map says of the ground."""

from __future__ import annotations

import numpy as np
import xarray as xr

from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import MATERIALS, geometry_maps
from raylocus.scenes.ground.layers import ground_layers
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.rasterize import topmost_surface
from raylocus.scenes.vector_map import ROAD_CLASSES, VectorMap


def map_geometry(vector_map: VectorMap, mesh: SceneMesh, tile: Grid) -> xr.Dataset:
    """The geometry maps of a place, see `geometry_maps`, with every layer known.

    A cell is inside a building where one is the topmost surface, however low: unlike in a bare mesh,
    what is a building need not be guessed from the height.
    """
    ground = mesh.triangles.ground
    terrain, _ = topmost_surface(mesh.triangles.select(ground), tile)
    roof, owner = topmost_surface(mesh.triangles.select(~ground), tile)
    covered = np.nan_to_num(roof, nan=-np.inf) > terrain
    building = (
        np.where(covered, mesh.building[~ground][owner], -1) if covered.any() else np.full(tile.shape, -1)
    )
    material = np.full(tile.shape, MATERIALS.index("ground"))
    material[covered] = mesh.triangles.material[~ground][owner[covered]]
    deviation = np.array([each.height_deviation for each in mesh.buildings] + [np.nan])
    inside = covered.astype(np.float64)
    known = {
        "footprint": inside,
        "indoor": inside,
        "height_deviation": deviation[building],
        **ground_layers(vector_map, tile),
    }
    maps = geometry_maps(tile, terrain, np.where(covered, roof, terrain), material)
    for name, values in known.items():
        maps[name] = maps[name].copy(data=values.astype(np.float32))
    maps["road_class"].attrs["classes"] = list(ROAD_CLASSES)
    return maps
