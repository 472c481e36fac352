"""A place's scene and geometry maps to its folder, with a drawn or an imported network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.geo import GeoFrame, Grid
from raylocus.provenance import Provenance
from raylocus.scenes.building_records import write_building_records
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.scenes.deployment import HeardCells, all_cells, part_of_deployment, sample_deployment
from raylocus.scenes.geometry_maps import GEOMETRY_SCHEMA, mirrored_ground, save_coarse_ground
from raylocus.scenes.meshing.scene_mesh import SceneMesh
from raylocus.scenes.place import SURROUNDINGS, Place, save_place
from raylocus.scenes.site_files import SiteImport, import_sites
from raylocus.scenes.site_import.assembly import GroundMaps
from raylocus.scenes.triangles import write_mitsuba_scene
from raylocus.storage import written_whole
from raylocus.xarray_store import save_dataset


@dataclass(frozen=True)
class SceneContent:
    """What is known of a tile before it has a network."""

    mesh: SceneMesh
    maps: xr.Dataset
    """G, see `scenes.geometry_maps`."""
    frame: GeoFrame
    notes: tuple[str, ...] = ()
    """What was repaired, merged, left out or assumed."""
    attribution: str = ""
    """Licence notice to be kept."""
    surroundings: xr.Dataset | None = None
    """Coarse rasters of the ground up to sites outside the tile; None where all stand in it."""


def write_place(
    folder: Path,
    content: SceneContent,
    configuration: SceneConfiguration,
    provenance: Provenance,
    heard: HeardCells = all_cells,
) -> Place:
    """Writes a place folder whole or not at all.

    Args:
        folder: where.
        content: meshes and geometry maps.
        configuration: of the place.
        provenance: what it is made from.
        heard: which cells of a network that reaches beyond the tile are kept.

    Raises:
        InputError: the file of sites cannot be used.
        PlaceError: no site fits into the tile, or none of the file stands in it.
        StorageFullError: the disk filled up.
    """
    with written_whole(folder) as aside:
        content = _with_surroundings(content, configuration)
        network = _network(content, configuration, heard)
        place = Place(
            folder,
            folder.name,
            content.frame,
            configuration.tile,
            network.deployment,
            provenance,
            content.notes + network.notes,
            content.attribution,
            configuration.materials,
        )
        _write_scene_files(place, content, aside)
    return place


def write_scene(place: Place, content: SceneContent) -> None:
    """Writes a place's folder, meshes and geometry maps included, whole or not at all.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(place.folder) as aside:
        _write_scene_files(place, content, aside)


def _write_scene_files(place: Place, content: SceneContent, folder: Path) -> None:
    folder.mkdir()
    save_dataset(_georeferenced(content), folder / "geometry.zarr", GEOMETRY_SCHEMA)
    write_mitsuba_scene(
        content.mesh.triangles, folder, place.materials, place.deployment.carriers[0].frequency
    )
    if content.mesh.buildings:
        write_building_records(content.mesh, folder)
    if content.surroundings is not None:
        save_coarse_ground(content.surroundings, folder / SURROUNDINGS)
    save_place(dataclasses.replace(place, folder=folder))


def _with_surroundings(content: SceneContent, configuration: SceneConfiguration) -> SceneContent:
    """The tile with the ground that a drawn network goes on over: its own, mirrored at its edges."""
    reach = configuration.deployment.reach
    if configuration.sites is not None or reach <= 0:
        return content
    around = mirrored_ground(content.maps, configuration.tile, reach)
    note = f"the network goes on for {reach:g} m beyond the tile, over the tile's own ground mirrored at its edges"
    return dataclasses.replace(content, surroundings=around, notes=(*content.notes, note))


def _network(content: SceneContent, configuration: SceneConfiguration, heard: HeardCells) -> SiteImport:
    """The network of the file of sites, or a drawn one."""
    generator = np.random.default_rng(configuration.seed)
    if configuration.sites is not None:
        ground = GroundMaps(content.maps, configuration.tile)
        return import_sites(configuration.sites, content.frame, ground, configuration.tile, generator)
    tile, scene = configuration.tile, Grid(configuration.side, configuration.side)
    drawn = sample_deployment(
        content.maps, tile, configuration.deployment, generator, (content.surroundings, scene)
    )
    if content.surroundings is None:
        return SiteImport(drawn, ())
    kept = heard(drawn, tile, content.surroundings)
    return SiteImport(part_of_deployment(drawn, kept, (0.0, 0.0)), ())


def _georeferenced(content: SceneContent) -> xr.Dataset:
    """G with the CRS and the origin's easting and northing in its attributes."""
    if not content.frame.georeferenced:
        return content.maps
    easting, northing = content.frame.origin_projected
    return content.maps.assign_attrs(
        crs=f"EPSG:{content.frame.crs.to_epsg()}", origin_easting=easting, origin_northing=northing
    )
