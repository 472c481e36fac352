"""Traces a place on disk: one resumable part a site, then atlas.zarr and radio.zarr."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from raylocus.propagation.atlas import PathAtlas, concatenate, load_atlas, save_atlas
from raylocus.propagation.geotiff import frame_crs, frame_origin
from raylocus.propagation.materials import itu_materials
from raylocus.propagation.radio_layers.complete import check_groups, complete_radio_maps
from raylocus.propagation.radio_maps import RADIO_SCHEMA
from raylocus.propagation.trace import SiteTracer, TraceConfiguration
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.triangles import read_place_scene
from raylocus.storage import save_dataset


def trace_provenance(place: TracedPlace, configuration: TraceConfiguration) -> Provenance:
    """What the place's atlas would be traced from; equal digests mean that it need not be traced again."""
    inputs = {
        "place.json": hash_file(place.folder / "place.json"),
        "scene.xml": hash_file(place.scene_file),
        "geometry.zarr": hash_file(place.folder / "geometry.zarr" / "manifest.json"),
    }
    return Provenance.collect(configuration, configuration.seed, inputs)


def trace_place(
    folder: Path,
    configuration: TraceConfiguration,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TracedPlace:
    """Writes atlas.zarr and radio.zarr of a place; a killed trace resumes at the next site.

    Args:
        folder: the place folder.
        configuration: how to trace.
        progress: called with the sites done and their number.

    Raises:
        PlaceError: the folder holds no place, or a site cannot be traced from.
        InputError: the configuration names a group of layers that does not exist.
        StorageFullError: the disk filled up.
    """
    check_groups(configuration.layers)
    place = open_place(folder)
    provenance = trace_provenance(place, configuration)
    parts = folder / f".atlas.{provenance.digest[:16]}.parts"
    atlases = _site_atlases(place, configuration, provenance, parts, progress)
    atlas = concatenate(atlases)
    maps = complete_radio_maps(atlas, place.deployment, configuration.layers)
    maps = maps.assign_attrs(
        provenance=provenance.to_json(),
        crs=frame_crs(place.frame),
        crs_origin=list(frame_origin(place.frame)),
    )
    save_dataset(maps, place.radio_file, RADIO_SCHEMA)
    # The atlas comes last: where it is whole and of this provenance, so is R.
    save_atlas(atlas, place.atlas_file, provenance)
    shutil.rmtree(parts, ignore_errors=True)
    return open_place(folder)


def _site_atlases(
    place: TracedPlace,
    configuration: TraceConfiguration,
    provenance: Provenance,
    parts: Path,
    progress: Callable[[int, int], None],
) -> list[PathAtlas]:
    tracer: SiteTracer | None = None
    atlases = []
    for site, position in enumerate(place.deployment.site_positions):
        part = parts / f"site-{site}.zarr"
        if not part.exists():
            tracer = tracer or tracer_of(place, configuration)
            save_atlas(tracer.trace(site, position), part, provenance)
        atlases.append(load_atlas(part))
        progress(site + 1, len(place.deployment.sites))
    return atlases


def tracer_of(place: TracedPlace, configuration: TraceConfiguration) -> SiteTracer:
    """A tracer of the place's scene at its carrier."""
    maps = place.geometry_maps
    return SiteTracer(
        read_place_scene(place.scene_file),
        maps["surface"].values.astype(np.float64),
        maps["terrain"].values.astype(np.float64),
        place.tile,
        itu_materials(place.deployment.carrier.frequency),
        configuration,
    )
