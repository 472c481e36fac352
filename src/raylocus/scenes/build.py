"""From a source to a place or an area: scene, geometry maps, deployment, place.json."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from raylocus.errors import InputError, PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.configuration import AreaConfiguration, SceneConfiguration
from raylocus.scenes.deployment import HeardCells, all_cells
from raylocus.scenes.foreign_files import absence
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.map_geometry import topmost_surface
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.place import Place
from raylocus.scenes.site_files import pattern_paths
from raylocus.scenes.triangles import Triangles, read_mitsuba_scene
from raylocus.scenes.write_place import SceneContent, write_place

if TYPE_CHECKING:
    from raylocus.scenes.area import Area

#: Shape ids of the terrain in each scene. The scenes have a local frame of unknown origin.
GROUND_SHAPES = {
    "munich": "mesh-ground",
    "florence": "mesh-ground",
    "etoile": "mesh-Plane",
    "san_francisco": "mesh-Terrain",
}
#: Notice that sionna-rt gives with them (its documentation of `sionna.rt.scene`).
ATTRIBUTION = (
    "city scene of sionna-rt, made from data © OpenStreetMap contributors, Open Database License 1.0 "
    "(openstreetmap.org/copyright)"
)


@dataclass(frozen=True)
class BuiltInCity:
    """One of sionna-rt's city scenes."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in GROUND_SHAPES:
            raise PlaceError(
                f"unknown place {self.name!r}; the built-in cities are {', '.join(sorted(GROUND_SHAPES))}"
            )

    @property
    def scene_file(self) -> Path:
        """The installed scene's XML, found without importing sionna (which would load Dr.Jit)."""
        distribution = metadata.distribution("sionna-rt")
        return Path(str(distribution.locate_file(f"sionna/rt/scenes/{self.name}/{self.name}.xml")))

    def read(self) -> Triangles:
        """All triangles of the city in its own frame."""
        ground = GROUND_SHAPES[self.name]
        return read_mitsuba_scene(self.scene_file, lambda shape: shape == ground)


def place_provenance(source: str, configuration: SceneConfiguration) -> Provenance:
    """What a place would be built from; equal digests mean that it need not be built again.

    Raises:
        PlaceError: a file of the source is missing.
    """
    files = _files(source, configuration)
    settings = {"source": source, "scene": configuration}
    return Provenance.collect(
        settings, configuration.seed, {name: hash_file(path) for name, path in files.items()}
    )


def _files(source: str, configuration: SceneConfiguration) -> dict[str, Path]:
    """The files that a place is built from, by role.

    Raises:
        PlaceError: one is missing.
    """
    files = dict(configuration.options.files)
    if configuration.sites is not None:
        files["sites"] = configuration.sites.path
        files |= pattern_paths(configuration.sites)
    if source in GROUND_SHAPES:
        files["scene.xml"] = BuiltInCity(source).scene_file
    else:
        from raylocus.scenes.map_sources.read_source import source_file

        named = source_file(source)
        files |= {"source": named} if named else {}
    for role, path in files.items():
        if not path.is_file():
            raise PlaceError(_missing(role, path))
    return files


def _missing(role: str, path: Path) -> str:
    """What is wrong with the path of a file that is not there."""
    option = f"--{role}: " if role not in ("source", "scene.xml") else ""
    return option + (absence(path) or f"{path} is a folder; give the file in it")


def build_place(
    source: str, folder: Path, configuration: SceneConfiguration, heard: HeardCells = all_cells
) -> Place:
    """Builds one tile as `folder`, whole or not at all: the one at the configuration's centre, else the middle.

    Args:
        source: a built-in city, a file, `lat,lon`, `W,S,E,N`, `procedural:STYLE` or a place name.
        folder: the place folder; what stood there is replaced.
        configuration: tile, grid and deployment.
        heard: which cells of a drawn network that reaches beyond the tile are kept.

    Raises:
        InputError: the source cannot be used.
        PlaceError: the source is unknown, or the tile holds no ground or lies outside the map.
    """
    _files(source, configuration)  # a missing one is said before any work
    if source in GROUND_SHAPES:
        return _build_built_in(source, folder, configuration, heard)
    from raylocus.scenes.build_map import build_map_tile, source_tiles

    centred = dataclasses.replace(configuration, centre=configuration.centre or (0.0, 0.0))
    tiles = source_tiles(source, centred)
    return build_map_tile(tiles, folder, centred, place_provenance(source, centred), heard)


def build_source(
    source: str,
    folder: Path,
    configurations: tuple[SceneConfiguration, AreaConfiguration],
    heard: HeardCells,
    progress: Callable[[Place], None] = lambda place: None,
) -> Place | Area:
    """Builds all of a source: a place where one tile holds it, an area where it is larger or has no map.

    Args:
        source: as of `build_place`, or `sites` or `open:W,S,E,N`.
        folder: the place's or area's folder.
        configurations: of the scene and of the area; with a centre, only that tile is built.
        heard: which cells are heard in a tile of an area.
        progress: called with each place as it is whole.

    Raises:
        InputError: the source or the file of sites cannot be used.
        PlaceError: the source is unknown, a tile holds no ground, or no site fits.
    """
    scene, area = configurations
    from raylocus.scenes.area_of_sites import build_area_of_sites, without_map

    if without_map(source):
        return build_area_of_sites(source, folder, scene, area)
    if source in GROUND_SHAPES or scene.centre is not None:
        place = build_place(source, folder, scene, heard)
        progress(place)
        return place
    return _build_map(source, folder, configurations, heard, progress)


def _build_map(
    source: str,
    folder: Path,
    configurations: tuple[SceneConfiguration, AreaConfiguration],
    heard: HeardCells,
    progress: Callable[[Place], None],
) -> Place | Area:
    from raylocus.scenes.build_area import AreaBuild, build_area, check_room
    from raylocus.scenes.build_map import build_map_tile, source_tiles, tile_counts
    from raylocus.scenes.map_sources.read_source import PROCEDURAL, extent_before_reading

    scene, area = configurations
    if area.side is not None and not source.startswith(PROCEDURAL):
        raise InputError(
            f"--area.side is that of a generated town; {source} is as large as its map; leave it out, or cut the map"
        )
    _files(source, scene)  # a missing one is said before any work
    extent = extent_before_reading(source, scene.options.radius, area.side or scene.tile_size)
    if extent is not None:
        check_room(folder, math.prod(tile_counts(extent, scene.tile_size)), scene.tile)
    tiles = source_tiles(source, scene, area.side)
    if len(tiles.positions) > 1:
        return build_area(
            AreaBuild(tiles, folder, scene, area, heard, partial(place_provenance, source)), progress
        )
    centred = dataclasses.replace(scene, centre=tiles.positions[0].centre)
    place = build_map_tile(tiles, folder, centred, place_provenance(source, centred), heard)
    progress(place)
    return place


def _build_built_in(source: str, folder: Path, configuration: SceneConfiguration, heard: HeardCells) -> Place:
    centre = configuration.centre or (0.0, 0.0)
    triangles = BuiltInCity(source).read().crop(centre, configuration.side)
    mesh = SceneMesh(triangles, np.full(len(triangles.material), -1), ())
    maps = rasterized_maps(triangles, configuration.tile)
    content = SceneContent(mesh, maps, GeoFrame(), attribution=ATTRIBUTION)
    return write_place(folder, content, configuration, place_provenance(source, configuration), heard)


def rasterized_maps(triangles: Triangles, tile: Grid) -> xr.Dataset:
    """G of the triangles over the tile.

    Raises:
        PlaceError: some of the tile has no ground below it.
    """
    terrain, _ = topmost_surface(triangles.select(triangles.ground), tile)
    if np.isnan(terrain).any():
        share = float(np.isnan(terrain).mean())
        raise PlaceError(
            f"{share:.0%} of the tile lies outside the source's terrain; move it with --tile X,Y"
        )
    surface, owner = topmost_surface(triangles, tile)
    return geometry_maps(tile, terrain, surface, triangles.material[owner])
