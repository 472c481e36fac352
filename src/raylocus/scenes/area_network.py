"""The network of an area: drawn over all its ground or read from a file, and what of it a tile hears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from raylocus.geo import Extent, Grid
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import sample_deployment
from raylocus.scenes.geometry_maps import grid_of, siting_maps
from raylocus.scenes.map_geometry import mesh_and_maps
from raylocus.scenes.site_files import SiteImport, import_sites
from raylocus.scenes.site_import.assembly import GroundMaps
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
        maps = siting_maps(ground)
        return SiteImport(sample_deployment(maps, grid_of(maps), scene.deployment, generator), ())
    side = max(extent.widened(area.reach).size)
    reached = Grid(side, side, extent.centre)
    return import_sites(scene.sites, vector_map.frame, _GroundOfMap(pieces), reached, generator)
