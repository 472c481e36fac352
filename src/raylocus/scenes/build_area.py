"""An area from a map: coarse ground, one network over all, and tiles that each hold what is heard in them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import Extent, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.area import Area, AreaTile, open_area, save_area
from raylocus.scenes.build_map import (
    IndexedMap,
    SourceTiles,
    TilePosition,
    vector_map_content,
    whole_already,
    with_tile_notes,
)
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import HeardCells, part_of_deployment, sample_deployment
from raylocus.scenes.geometry_maps import (
    GROUND_RESOLUTION,
    cut_ground,
    grid_of,
    save_coarse_ground,
    siting_maps,
)
from raylocus.scenes.map_geometry import ground_of_map, mesh_and_maps, wide_terrain
from raylocus.scenes.place import AREA_FILE, Place
from raylocus.scenes.site_files import SiteImport, import_sites
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.scenes.sites import Deployment
from raylocus.scenes.vector_map import VectorMap
from raylocus.scenes.write_place import write_scene

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


#: What a tile takes on the disk, with its geometry, paths and radio maps, for each ground cell [byte].
BYTES_PER_GROUND_CELL = 400


@dataclass(frozen=True)
class AreaBuild:
    """Everything that the parts of an area are made from."""

    source: SourceTiles
    folder: Path
    scene: SceneConfiguration
    area: AreaConfiguration
    heard: HeardCells
    provenance: Callable[[SceneConfiguration], Provenance]
    """Of a tile, from its configuration."""

    @cached_property
    def pieces(self) -> IndexedMap:
        """The map, of which tiles are cut."""
        return IndexedMap(self.source.found.vector_map)

    @cached_property
    def extent(self) -> Extent:
        """All tiles together."""
        half, centres = self.scene.tile_size / 2, np.array([each.centre for each in self.source.positions])
        return Extent(*(centres.min(axis=0) - half).tolist(), *(centres.max(axis=0) + half).tolist())

    @cached_property
    def ground(self) -> xr.Dataset:
        """Coarse rasters over the extent and its reach."""
        grid, found = (
            self.extent.widened(self.area.reach).grid(GROUND_RESOLUTION),
            self.source.found.vector_map,
        )
        return ground_of_map(found, wide_terrain(found, self.scene.options.terrain, grid.size), grid)

    @cached_property
    def network(self) -> SiteImport:
        """All sites and cells."""
        found = self.source.found.vector_map
        return area_network(found, self.pieces, self.ground, self.extent, (self.scene, self.area))

    @cached_property
    def whole(self) -> Provenance:
        """What all of it is made from."""
        tile = self.provenance(self.scene)
        return dataclasses.replace(
            tile, configuration={**tile.configuration, "area": dataclasses.asdict(self.area)}
        )


def build_area(build: AreaBuild, progress: Callable[[Place], None]) -> Area:
    """Builds an area folder; tiles that are whole already stay, and a killed build goes on with the next.

    Args:
        build: what it is made from.
        progress: called with each tile's place as it is whole.

    Raises:
        InputError: the file of sites cannot be used.
        PlaceError: no site stands in or near the extent, none fits, or the disk is too small.
        StorageFullError: the disk filled up.
    """
    check_room(build.folder, len(build.source.positions), build.scene.tile)
    network = build.network
    build.folder.mkdir(parents=True, exist_ok=True)
    if not _is_same(build):
        # Until the last part is whole, what stands here is no area.
        (build.folder / AREA_FILE).unlink(missing_ok=True)
        save_coarse_ground(build.ground, build.folder / "ground.zarr")
    tiles = []
    for position in build.source.positions:
        tile, place = _build_tile(build, position)
        tiles.append(tile)
        progress(place)
    _remove_others(build.folder / "tiles", tiles)
    notes = (*build.source.found.vector_map.notes, *network.notes, *build.area.notes)
    area = Area(
        build.folder, build.folder.name, build.source.found.vector_map.frame, build.extent, network.deployment,
        build.whole, tuple(tiles), notes, build.source.found.vector_map.attribution,
    )  # fmt: skip
    save_area(area, build.folder)
    return area


def _is_same(build: AreaBuild) -> bool:
    try:
        return open_area(build.folder).provenance.digest == build.whole.digest
    except PlaceError:
        return False


def _build_tile(build: AreaBuild, position: TilePosition) -> tuple[AreaTile, Place]:
    """One tile, reused where it is whole already."""
    name = f"{position.column}-{position.row}"
    scene = dataclasses.replace(build.scene, centre=position.centre, margin=build.area.near)
    window = Grid(scene.tile_size, scene.resolution, position.centre)
    cells = tuple(int(cell) for cell in build.heard(build.network.deployment, window, build.ground))
    tile = AreaTile(position.column, position.row, position.centre, f"tiles/{name}", cells)
    folder, provenance = build.folder / tile.folder, _tile_provenance(build, scene, cells)
    place = whole_already(folder, provenance)
    if place is None:
        place = _write_tile(build, tile, scene, provenance)
    return tile, place


def _tile_provenance(build: AreaBuild, scene: SceneConfiguration, cells: tuple[int, ...]) -> Provenance:
    made = build.provenance(scene)
    more = {"area": dataclasses.asdict(build.area), "heard_cells": list(cells)}
    return dataclasses.replace(made, configuration={**made.configuration, **more})


def _write_tile(build: AreaBuild, tile: AreaTile, scene: SceneConfiguration, provenance: Provenance) -> Place:
    cut = build.pieces.cut(tile.centre, scene.side)
    content = vector_map_content(with_tile_notes(cut, build.source.found.extent, scene), scene)
    deployment = part_of_deployment(build.network.deployment, tile.cells, tile.centre)
    folder = build.folder / tile.folder
    place = Place(
        folder, f"{build.folder.name}-{folder.name}", content.frame, scene.tile, deployment, provenance,
        content.notes, content.attribution, scene.materials,
    )  # fmt: skip
    surroundings = _surroundings(build, tile, deployment, scene)
    write_scene(place, dataclasses.replace(content, surroundings=surroundings))
    return place


def _surroundings(
    build: AreaBuild, tile: AreaTile, deployment: Deployment, scene: SceneConfiguration
) -> xr.Dataset | None:
    """Coarse rasters around a tile up to its farthest site; None where all stand over its scene."""
    farthest = float(np.abs(deployment.site_positions[:, :2]).max())
    if farthest < scene.side / 2:
        return None
    cells = 2 * (int(np.ceil(farthest / GROUND_RESOLUTION)) + 2)
    return cut_ground(build.ground, Grid(cells * GROUND_RESOLUTION, GROUND_RESOLUTION, tile.centre))


def _remove_others(folder: Path, tiles: Sequence[AreaTile]) -> None:
    """Removes tiles of an earlier area in the same folder."""
    own = {Path(tile.folder).name for tile in tiles}
    for found in folder.iterdir():
        if found.is_dir() and found.name not in own:
            shutil.rmtree(found)


def check_room(folder: Path, tiles: int, tile: Grid) -> None:
    """Refuses an area that the disk has no room for.

    Raises:
        PlaceError: so many tiles take more than the disk of the folder has.
    """
    needed = tiles * tile.count**2 * BYTES_PER_GROUND_CELL
    parent = next(each for each in [folder, *folder.absolute().parents] if each.exists())
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise PlaceError(
            f"an area of {tiles} tiles takes about {needed / 2**30:.1f} GiB, and the disk of {folder} has "
            f"{free / 2**30:.1f} GiB free; take a smaller map or larger ground cells (--scene.resolution)"
        )
