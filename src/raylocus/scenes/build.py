"""From a source to place folders: scene, geometry maps, deployment, place.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.built_in import ATTRIBUTION, GROUND_SHAPES, BuiltInCity
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.foreign_files import absence
from raylocus.scenes.geometry_maps import geometry_maps
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.place import Place
from raylocus.scenes.rasterize import topmost_surface
from raylocus.scenes.site_files import pattern_paths
from raylocus.scenes.triangles import Triangles
from raylocus.scenes.write_place import SceneContent, write_place


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


def build_place(source: str, folder: Path, configuration: SceneConfiguration) -> Place:
    """Builds one tile as `folder`, whole or not at all: the one at the configuration's centre, else the middle.

    Args:
        source: a built-in city, a file, `lat,lon`, `W,S,E,N`, `procedural:STYLE` or a place name.
        folder: the place folder; what stood there is replaced.
        configuration: tile, grid and deployment.

    Raises:
        InputError: the source cannot be used.
        PlaceError: the source is unknown, or the tile holds no ground or lies outside the map.
    """
    centred = dataclasses.replace(configuration, centre=configuration.centre or (0.0, 0.0))
    return build_places(source, folder, centred)[0]


def build_places(
    source: str,
    folder: Path,
    configuration: SceneConfiguration,
    progress: Callable[[Place], None] = lambda place: None,
) -> list[Place]:
    """Builds all tiles of a source: `folder` itself, or `folder-COLUMN-ROW` where there are several.

    Tiles of a map that are whole already, from the same source and settings, are left as they are; those
    without a single building are open ground.

    Args:
        source: a built-in city, a file, `lat,lon`, `W,S,E,N`, `procedural:STYLE` or a place name.
        folder: the place folder, or what the tiles' names start with.
        configuration: tile, grid and deployment.
        progress: called with each place as it is whole.

    Raises:
        InputError: the source cannot be used.
        PlaceError: the source is unknown, or a tile holds no ground, or none lies on the map.
    """
    _files(source, configuration)  # a missing one is said before any work
    if source in GROUND_SHAPES:
        place = _build_built_in(source, folder, configuration)
        progress(place)
        return [place]
    from raylocus.scenes.build_map import build_map_tiles

    def provenance(tile: SceneConfiguration) -> Provenance:
        return place_provenance(source, tile)

    return build_map_tiles(source, folder, configuration, provenance, progress)


def _build_built_in(source: str, folder: Path, configuration: SceneConfiguration) -> Place:
    centre = configuration.centre or (0.0, 0.0)
    triangles = BuiltInCity(source).read().crop(centre, configuration.side)
    mesh = SceneMesh(triangles, np.full(len(triangles.material), -1), ())
    maps = rasterized_maps(triangles, configuration.tile)
    content = SceneContent(mesh, maps, GeoFrame(), attribution=ATTRIBUTION)
    return write_place(folder, content, configuration, place_provenance(source, configuration))


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
