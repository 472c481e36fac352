"""The parts of a place's atlas, one a site, each traced once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from raylocus.errors import StoreError
from raylocus.propagation.atlas.atlas import PathAtlas
from raylocus.propagation.atlas.atlas_store import StoredAtlas, finish_atlas, save_site, site_part
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import itu_materials
from raylocus.propagation.site_treatment import FAR, SiteTreatment, site_treatment
from raylocus.propagation.trace import SiteTracer
from raylocus.propagation.trace_checks import check_coverage, check_meshes, check_sites
from raylocus.propagation.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance
from raylocus.scenes.building_records import read_named_scene
from raylocus.scenes.triangles import Triangles


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
