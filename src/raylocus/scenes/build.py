"""From a source to a place folder: scene, geometry maps, deployment, place.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.built_in import BuiltInCity
from raylocus.scenes.deployment import DeploymentConfiguration, sample_deployment
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA, geometry_maps
from raylocus.scenes.place import Place, save_place
from raylocus.scenes.rasterize import topmost_surface
from raylocus.scenes.triangles import Triangles, write_mitsuba_scene
from raylocus.storage import save_dataset, written_whole


@dataclass(frozen=True)
class SceneConfiguration:
    """How a place is cut out of its source and given a network."""

    tile_size: float = 512.0
    """Side of the tile [m]."""
    resolution: float = 2.0
    """Grid of the geometry maps and of everything computed over the tile [m]."""
    centre: tuple[float, float] = (0.0, 0.0)
    """Centre of the tile in the source's frame [m]."""
    margin: float = 100.0
    """Geometry kept around the tile, so that its edge still has neighbours to reflect from [m]."""
    seed: int = 0
    """Seed of the deployment."""
    deployment: DeploymentConfiguration = field(default_factory=DeploymentConfiguration)


def place_provenance(source: str, configuration: SceneConfiguration) -> Provenance:
    """What a place would be built from; equal digests mean that it need not be built again.

    Raises:
        PlaceError: the source is unknown.
    """
    city = BuiltInCity(source)
    settings = {"source": source, "scene": configuration}
    return Provenance.collect(settings, configuration.seed, {"scene.xml": hash_file(city.scene_file)})


def build_place(source: str, folder: Path, configuration: SceneConfiguration) -> Place:
    """Builds `folder` from a built-in city, whole or not at all.

    Args:
        source: name of a built-in city.
        folder: the place folder; what stood there is replaced.
        configuration: tile, grid and deployment.

    Raises:
        PlaceError: the source is unknown or the tile holds no ground.
    """
    provenance = place_provenance(source, configuration)
    side = configuration.tile_size + 2 * configuration.margin
    triangles = BuiltInCity(source).read().crop(configuration.centre, side)
    tile = Grid(configuration.tile_size, configuration.resolution)
    with written_whole(folder) as aside:
        write_mitsuba_scene(triangles, aside)
        maps = rasterized_maps(triangles, tile)
        save_dataset(maps, aside / "geometry.zarr", GEOMETRY_SCHEMA)
        generator = np.random.default_rng(configuration.seed)
        deployment = sample_deployment(maps, tile, configuration.deployment, generator)
        save_place(Place(aside, folder.name, GeoFrame(), tile, deployment, provenance))
    return Place(folder, folder.name, GeoFrame(), tile, deployment, provenance)


def rasterized_maps(triangles: Triangles, tile: Grid) -> xr.Dataset:
    """G of the triangles over the tile.

    Raises:
        PlaceError: some of the tile has no ground below it.
    """
    terrain, _ = topmost_surface(triangles.select(triangles.ground), tile)
    if np.isnan(terrain).any():
        share = float(np.isnan(terrain).mean())
        raise PlaceError(f"{share:.0%} of the tile lies outside the source's terrain; move the tile's centre")
    surface, owner = topmost_surface(triangles, tile)
    return geometry_maps(tile, terrain, surface, triangles.material[owner])
