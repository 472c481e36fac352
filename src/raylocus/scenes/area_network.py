"""The network of an area: drawn over all its ground or read from a file, and what of it a tile hears."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import Extent, Grid
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import sample_deployment
from raylocus.scenes.geometry_maps import geometry_maps, grid_of
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.site_files import SiteImport, import_sites
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.scenes.sites import Deployment
from raylocus.scenes.tiling import IndexedMap
from raylocus.scenes.vector_map import VectorMap

#: Ground around an antenna that is looked at, for the roof that it stands on [m].
AROUND_ANTENNA = 32.0


@dataclass(frozen=True)
class _GroundOfMap:
    """The ground under any antenna, meshed from the map around it."""

    pieces: IndexedMap

    def at(self, x: float, y: float) -> GroundMaps:
        """G of the ground around a point [m]."""
        _, maps = mesh_and_maps(
            self.pieces.cut((x, y), AROUND_ANTENNA), AROUND_ANTENNA, Grid(AROUND_ANTENNA, 2.0)
        )
        return GroundMaps(maps, Grid(AROUND_ANTENNA, 2.0, (x, y)))


def area_network(
    vector_map: VectorMap,
    pieces: IndexedMap,
    ground: xr.Dataset,
    extent: Extent,
    configurations: tuple[SceneConfiguration, AreaConfiguration],
) -> SiteImport:
    """The network of a map: that of the file of sites, or one drawn over the ground.

    Args:
        vector_map: the map, for its frame.
        pieces: the same, indexed.
        ground: its coarse rasters, over the extent and its reach.
        extent: the area's.
        configurations: of the scene and the area.

    Raises:
        InputError: the file of sites cannot be used.
        PlaceError: no site stands in or near the extent, or none fits.
    """
    scene, area = configurations
    generator = np.random.default_rng(scene.seed)
    if scene.sites is None:
        maps = _siting_maps(ground)
        return SiteImport(sample_deployment(maps, grid_of(maps), scene.deployment, generator), ())
    side = max(extent.widened(area.reach).size)
    reached = Grid(side, side, extent.centre)
    return import_sites(scene.sites, vector_map.frame, _GroundOfMap(pieces), reached, generator)


def _siting_maps(ground: xr.Dataset) -> xr.Dataset:
    """Coarse rasters as geometry maps: where any building stands a mast does not."""
    built, terrain, surface = (ground[name].values for name in ("built", "terrain", "surface"))
    known = {
        "footprint": (built > 0).astype(np.float32),
        "water": (ground["water"].values > 0).astype(np.float32),
    }
    unknown = np.full(built.shape, -1)
    return geometry_maps(grid_of(ground), terrain, surface, unknown, {**known, "height": surface - terrain})


def tile_deployment(deployment: Deployment, cells: Sequence[int], centre: tuple[float, float]) -> Deployment:
    """Some cells of an area with their sites, in the frame centred on a tile.

    Raises:
        PlaceError: there are no cells.
    """
    if not cells:
        raise PlaceError("a tile needs a cell that is heard in it")
    sites = sorted({deployment.cells[cell].site for cell in cells})
    moved = []
    for index in sites:
        x, y, z = deployment.sites[index].position
        position = (x - centre[0], y - centre[1], z)
        moved.append(dataclasses.replace(deployment.sites[index], position=position))
    own = [
        dataclasses.replace(deployment.cells[cell], site=sites.index(deployment.cells[cell].site))
        for cell in cells
    ]
    carriers = sorted({cell.carrier for cell in own})
    used = tuple(deployment.carriers[index] for index in carriers)
    renamed = tuple(dataclasses.replace(cell, carrier=carriers.index(cell.carrier)) for cell in own)
    return Deployment(used, tuple(moved), renamed)
