"""The parts of a place's atlas, one a site, each traced once; and what is checked before tracing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError, StoreError
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import StoredAtlas, finish_atlas, save_site, site_part
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.search.far_sites import FAR, SiteTreatment, site_treatment
from raylocus.propagation.tracing.trace import SiteTracer
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance
from raylocus.scenes.building_records import open_edges, read_building_records, read_named_scene
from raylocus.scenes.geometry_maps import FOOTPRINT_HEIGHT
from raylocus.scenes.triangles import Triangles, mesh_names


def check_sites(place: TracedPlace) -> None:
    """Every site that stands in the tile is above the ground and outside the buildings.

    Raises:
        PlaceError: a site does not.
    """
    maps = place.geometry_maps
    for site in place.deployment.sites:
        cell = int(place.tile.index(np.asarray(site.position, float)))
        if cell < 0:
            continue
        ground, surface = (float(maps[name].values.flat[cell]) for name in ("terrain", "surface"))
        height = site.position[2]
        if height < ground:
            raise PlaceError(
                f"site {site.name} is {ground - height:.1f} m below ground; raise its antenna above {ground:.1f} m"
            )
        if height < surface:
            what = "inside a building" if surface - ground > FOOTPRINT_HEIGHT else "below the surface"
            raise PlaceError(
                f"site {site.name} is {what}, {surface - height:.1f} m under its top; "
                f"raise its antenna above {surface:.1f} m or move it"
            )


def check_meshes(place: TracedPlace, triangles: Triangles) -> None:
    """The terrain faces up, and every building with a mesh of its own is closed and faces outward.

    Raises:
        PlaceError: a mesh does not.
    """
    meshes = {name: triangles.vertices[chosen] for name, chosen in mesh_names(triangles).items()}
    for name, vertices in meshes.items():
        if name.startswith("terrain-") and _upward_area(vertices) < 0:
            raise PlaceError(
                f"mesh {name}.ply is inverted, its ground faces down; turn its faces over and build the place again"
            )
    for record in read_building_records(place.folder):
        parts = [meshes[name][first:past] for name, (first, past) in record["triangles"].items()]
        if parts:
            _check_building(record["identifier"], np.concatenate(parts))


def check_coverage(place: TracedPlace, site: int, atlas: PathAtlas) -> None:
    """A site reaches at least one ground cell.

    Raises:
        PlaceError: it reaches none.
    """
    if not len(atlas.ground_cell):
        raise PlaceError(
            f"site {place.deployment.sites[site].name} covers no ground cell: no path of the types switched on "
            "ends outdoors in the tile; raise its antenna or move it into the open"
        )


def _check_building(name: str, vertices: Float[np.ndarray, "triangle 3 3"]) -> None:
    fix = "repair its outline in the source and build the place again"
    leaks = open_edges(vertices)
    if leaks:
        raise PlaceError(f"the mesh of building {name} is open at {leaks} edges; {fix}")
    if _volume(vertices) < 0:
        raise PlaceError(f"the mesh of building {name} is inverted, its walls face inward; {fix}")


def _upward_area(vertices: Float[np.ndarray, "triangle 3 3"]) -> float:
    return float(np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])[:, 2].sum())


def _volume(vertices: Float[np.ndarray, "triangle 3 3"]) -> float:
    """Six times the volume that a closed surface encloses, negative where it faces inward."""
    middle = vertices.reshape(-1, 3).mean(axis=0)
    first, second, third = np.moveaxis(vertices - middle, 1, 0)
    return float(np.einsum("ti,ti->", first, np.cross(second, third)))


@dataclass(frozen=True)
class SiteParts:
    """What is traced of a place's atlas so far; scene and tracer are made when a site is missing."""

    place: TracedPlace
    configuration: TraceConfiguration
    provenance: Provenance
    """Of the atlas; parts of another are left alone."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the parts of each frequency are until all are there."""
        name = f".atlas.{self.provenance.digest[:16]}"
        return tuple(
            self.place.folder / (f"{name}.{band + 1}.parts" if band else f"{name}.parts")
            for band in range(len(self.place.deployment.frequencies))
        )

    @property
    def count(self) -> int:
        """Number of sites."""
        return len(self.place.deployment.sites)

    def is_made(self, site: int) -> bool:
        """Whether the part of a site is there."""
        return all(site_part(folder, site).exists() for folder in self.folders)

    def is_finished(self) -> bool:
        """Whether the atlas of every frequency is there, of this provenance."""
        try:
            stored = [StoredAtlas.open(file).provenance for file in self.place.atlas_files]
        except StoreError:
            return False
        return all(Provenance.from_json(each).digest == self.provenance.digest for each in stored)

    def make(self, site: int) -> None:
        """Traces a site unless that was done.

        Raises:
            PlaceError: it cannot be traced from, or stands in the tile and covers nothing; a mesh is open.
            StorageFullError: the disk filled up.
        """
        if not self.is_made(site):
            for folder, atlas in zip(self.folders, self._traced(site), strict=True):
                save_site(atlas, folder, site)

    def finish(self) -> None:
        """Makes the parts of all sites the atlas."""
        for folder, file in zip(self.folders, self.place.atlas_files, strict=True):
            finish_atlas(folder, file, self.count, self.provenance)
        for abandoned in self.place.folder.glob(".atlas.*.parts"):
            shutil.rmtree(abandoned, ignore_errors=True)

    def _traced(self, site: int) -> list[PathAtlas]:
        """The paths of a site at each frequency."""
        position = self.place.deployment.site_positions[site]
        between = self._treatment.between
        if self._treatment.kinds[site] == FAR and between is not None:
            return self._tracer.trace_far_bands(site, position, between)
        if not self.place.tile.contains(position):
            return self._tracer.trace_bands(site, position, self._treatment.around)
        atlases = self._tracer.trace_bands(site, position)
        for atlas in atlases:
            check_coverage(self.place, site, atlas)
        return atlases

    @cached_property
    def _triangles(self) -> Triangles:
        triangles = read_named_scene(self.place.scene_file)
        check_sites(self.place)
        check_meshes(self.place, triangles)
        return triangles

    @cached_property
    def _treatment(self) -> SiteTreatment:
        return site_treatment(self.place, self._triangles, self.configuration.ue_height)

    @cached_property
    def _tracer(self) -> SiteTracer:
        return _tracer(self.place, self._triangles, self.configuration)


def tracer_of(place: TracedPlace, configuration: TraceConfiguration) -> SiteTracer:
    """A tracer of the place's scene at its frequencies."""
    return _tracer(place, read_named_scene(place.scene_file), configuration)


def _tracer(place: TracedPlace, triangles: Triangles, configuration: TraceConfiguration) -> SiteTracer:
    maps = place.geometry_maps
    return SiteTracer(
        triangles,
        maps["surface"].values.astype(np.float64),
        maps["terrain"].values.astype(np.float64),
        place.tile,
        [itu_materials(frequency, place.materials) for frequency in place.deployment.frequencies],
        configuration,
        maps["vegetation"].values.astype(np.float64),
    )
