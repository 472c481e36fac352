"""Areas without a map: a list of sites, and open ground around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import InputError, PlaceError
from raylocus.geo import Extent, GeoFrame, Grid
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.area import Area, save_area
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.foreign_files import absence
from raylocus.scenes.geometry_maps import (
    GROUND_RESOLUTION,
    coarse_ground,
    geometry_maps,
    grid_of,
    save_coarse_ground,
    siting_maps,
)
from raylocus.scenes.ground.terrain import read_terrain, terrain_height
from raylocus.scenes.map_sources.assemble import frame_of
from raylocus.scenes.map_sources.elevation_tiles import elevation_for
from raylocus.scenes.map_sources.read_source import requested_bounds
from raylocus.scenes.site_files import SiteFile, import_sites
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.storage import written_whole

#: The source that takes the extent from the list of sites.
SITES = "sites"
#: What starts a source that is a box W,S,E,N without a map.
OPEN = "open:"
#: Longest side of an area [m]: beyond it a UTM zone's plane is no map of the Earth.
LONGEST_SIDE = 400e3
#: Longest side that elevation is read for [m].
WIDEST_TERRAIN = 60e3
#: What such an area says of itself.
NO_MAP_NOTE = "no map was read: no building, road or water is known"


def without_map(source: str) -> bool:
    """Whether a source asks for an area without a map."""
    return source == SITES or source.startswith(OPEN)


def build_area_of_sites(
    source: str, folder: Path, scene: SceneConfiguration, configuration: AreaConfiguration
) -> Area:
    """Builds an area without a map as `folder`, whole or not at all; nothing is traced in it.

    Args:
        source: `sites` for the ground around all sites of the list, or `open:W,S,E,N` for a box.
        folder: the area's folder; what stood there is replaced.
        scene: the file of sites, and the seed of what it does not state.
        configuration: margin and reach.

    Raises:
        InputError: there is no file of sites, or it or the box cannot be used.
        PlaceError: no site of the list stands in or near the box, or the area is too large.
        StorageFullError: the disk filled up.
    """
    file = _site_file(source, scene)
    frame, extent = _ground(source, file, scene.options.radius, configuration.margin)
    if max(extent.size) > LONGEST_SIDE:
        width, depth = (side / 1000 for side in extent.size)
        raise PlaceError(
            f"{source} would be an area of {width:.0f} × {depth:.0f} km; {LONGEST_SIDE / 1000:.0f} km is the most: "
            f"take far sites out of {file.path}, or give a box open:W,S,E,N"
        )
    reached = extent.widened(configuration.reach)
    ground, notes, notice = _terrain(scene.options.terrain, frame, reached)
    maps = _flat(reached) if ground is None else siting_maps(ground)
    around = Grid(max(reached.size), max(reached.size), extent.centre)
    generator = np.random.default_rng(scene.seed)
    found = import_sites(file, frame, GroundMaps(maps, grid_of(maps)), around, generator)
    settings = {"source": source, "area": configuration, "sites": file, "terrain": scene.options.terrain}
    provenance = Provenance.collect(settings, scene.seed, {"sites": hash_file(file.path)})
    said = (NO_MAP_NOTE, *notes, *found.notes)
    area = Area(folder, folder.name, frame, extent, found.deployment, provenance, (), said, notice)
    with written_whole(folder) as aside:
        aside.mkdir()
        if ground is not None:
            save_coarse_ground(ground, aside / "ground.zarr")
        save_area(area, aside)
    return area


def _flat(extent: Extent) -> xr.Dataset:
    """G of open ground at height 0, in four cells."""
    grid = extent.grid(max(extent.size) / 2)
    level = np.zeros(grid.shape)
    return geometry_maps(grid, level, level, np.full(grid.shape, -1))


def _terrain(
    elevation: Path | None, frame: GeoFrame, extent: Extent
) -> tuple[xr.Dataset | None, tuple[str, ...], str]:
    """Open ground at the heights of the elevation, what is to be said of them, and their licence; None without any.

    Raises:
        InputError: the elevation cannot be read or does not cover the extent.
        PlaceError: the extent is too wide for it.
    """
    if elevation is None:
        return None, ("the ground is taken as flat",), ""
    grid = extent.grid(GROUND_RESOLUTION)
    if grid.size > WIDEST_TERRAIN:
        raise PlaceError(
            f"an area of {grid.size / 1000:.0f} km with its reach is too wide for --terrain; leave it out, or give a "
            f"smaller one, up to {WIDEST_TERRAIN / 1000:.0f} km"
        )
    side = grid.size + 2 * float(np.abs(grid.centre).max())
    found = elevation_for(elevation, frame, side)
    height = terrain_height(read_terrain(found.path, frame, side), grid.centres).reshape(grid.shape)
    none = np.zeros(grid.shape)
    ground = coarse_ground(grid, terrain=height, surface=height, built=none, water=none)
    return ground, found.notes, found.attribution


def _site_file(source: str, scene: SceneConfiguration) -> SiteFile:
    if scene.sites is None:
        raise InputError(f"an area of {source!r} is made of a list of sites; name it with --sites FILE")
    if not scene.sites.path.is_file():
        path = scene.sites.path
        raise PlaceError("--sites: " + (absence(path) or f"{path} is a folder; give the file in it"))
    return scene.sites


def _ground(source: str, file: SiteFile, radius: float, margin: float) -> tuple[GeoFrame, Extent]:
    """Frame and extent of a box, or of all cells of the wanted network with a margin around them."""
    if source != SITES:
        frame, covered = frame_of(requested_bounds(source.removeprefix(OPEN), radius))
        half = covered.width / 2, covered.depth / 2
        return frame, Extent(-half[0], -half[1], half[0], half[1])
    records = file.listed.records
    wanted = [one for one in records if file.network in (None, one.network)] or records
    latitude = np.array([record.latitude for record in wanted])
    longitude = np.array([record.longitude for record in wanted])
    frame = GeoFrame(
        float(np.ptp(latitude) / 2 + latitude.min()), float(np.ptp(longitude) / 2 + longitude.min())
    )
    xy = frame.to_local(latitude, longitude)
    return frame, Extent(*(xy.min(axis=0) - margin).tolist(), *(xy.max(axis=0) + margin).tolist())
