"""Traces places and areas on disk, resumably: one part a site makes atlas.zarr, then radio.zarr in pieces."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from raylocus.errors import MemoryBudgetError, PlaceError, StoreError
from raylocus.execution.task import Engine, Task
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.radio_files import save_radio_maps
from raylocus.propagation.maps.radio_maps import RADIO_SCHEMA
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.site_parts import SiteParts
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.provenance import Provenance, hash_file
from raylocus.scenes.place import deployment_record
from raylocus.xarray_store import open_dataset

#: Geometry maps that paths follow from.
TRACED_MAPS = ("surface", "terrain", "vegetation")
#: Settings that change no path.
_WITHOUT_EFFECT = ("memory_budget",)


def atlas_provenance(place: TracedPlace, configuration: TraceConfiguration) -> Provenance:
    """What the place's paths follow from: geometry, materials, frequencies, where the sites are, how to trace.

    Antennas, powers and layers are not among them: they come last and cost no trace.
    """
    settings = dataclasses.asdict(configuration)
    geometry = [place.scene_file, *sorted((place.folder / "meshes").glob("*"))]
    inputs = {str(file.relative_to(place.folder)): hash_file(file) for file in geometry}
    for name in TRACED_MAPS:
        inputs[name] = hashlib.sha256(place.geometry_maps[name].values.tobytes()).hexdigest()
    frequencies = place.deployment.frequencies
    resolved = {
        "trace": {name: value for name, value in settings.items() if name not in _WITHOUT_EFFECT},
        "tile": place.tile,
        "frequency": frequencies[0] if len(frequencies) == 1 else frequencies,
        "materials": place.materials,
        "sites": place.deployment.site_positions.tolist(),
    }
    if place.surroundings is not None:
        inputs["surroundings"] = hashlib.sha256(place.surroundings["surface"].values.tobytes()).hexdigest()
    return Provenance.collect(resolved, configuration.seed, inputs)


def radio_provenance(place: TracedPlace, paths: Provenance, maps: RadioMapConfiguration) -> Provenance:
    """What the place's R follows from: its atlas, the cells with their antennas, and what was asked for."""
    record = deployment_record(place.deployment)
    resolved = {
        "maps": maps,
        "carriers": record["carriers"],
        "cells": record["cells"],
        "frame": place.frame,
    }
    return Provenance.collect(resolved, paths.seed, {"atlas": paths.digest})


def _trace_sites(parts: SiteParts, progress: Callable[[int, int], None]) -> None:
    for site in range(parts.count):
        parts.make(site)
        progress(site + 1, parts.count)
    parts.finish()


def trace_place(
    folder: Path,
    configuration: TraceConfiguration,
    progress: Callable[[int, int], None] = lambda done, total: None,
    maps: RadioMapConfiguration = RadioMapConfiguration(),
) -> TracedPlace:
    """Writes atlas.zarr and radio.zarr of a place, each unless it is there already.

    A killed trace resumes at the next site; where only antennas, powers or the layers wanted have
    changed, nothing is traced.

    Args:
        folder: the place folder.
        configuration: how to trace.
        progress: called with the sites done and their number.
        maps: what R is to hold.

    Raises:
        PlaceError: the folder holds no place, a site cannot be traced from or covers nothing, a mesh is open.
        MemoryBudgetError: the memory budget does not hold the smallest piece of the work.
        StorageFullError: the disk filled up.
    """
    place = open_place(folder)
    paths = atlas_provenance(place, configuration)
    wanted = radio_provenance(place, paths, maps)
    try:
        parts = SiteParts(place, configuration, paths)
        if not parts.is_finished():
            _trace_sites(parts, progress)
        if not _has_maps(place, wanted):
            save_radio_maps(place, maps, wanted, configuration.memory_budget)
    except MemoryError as error:
        raise MemoryBudgetError(
            f"{folder} does not fit into this machine's memory with a memory_budget of "
            f"{configuration.memory_budget:g} GiB; lower it or build the place with larger ground cells"
        ) from error
    return open_place(folder)


def is_traced(place: TracedPlace, configuration: TraceConfiguration, maps: RadioMapConfiguration) -> bool:
    """Whether `trace_place` would find both stores there already."""
    paths = atlas_provenance(place, configuration)
    finished = SiteParts(place, configuration, paths).is_finished()
    return finished and _has_maps(place, radio_provenance(place, paths, maps))


def _has_maps(place: TracedPlace, wanted: Provenance) -> bool:
    """Whether R is there, whole and of that provenance."""
    try:
        stored = open_dataset(place.radio_file, RADIO_SCHEMA).attrs["provenance"]
    except StoreError:
        return False
    return Provenance.from_json(stored).digest == wanted.digest


#: Called with the units done and their number.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class MastTask:
    """Traces one mast in one window of an area."""

    place_index: int
    folder: Path
    """Of the window's place."""
    site: int
    configuration: TraceConfiguration

    @property
    def name(self) -> str:
        """Window and mast."""
        return f"{self.folder}, site {self.site}"

    def perform(self) -> None:
        """Traces the mast unless that was done.

        Raises:
            PlaceError: it cannot be traced from.
        """
        _parts(self.folder, self.configuration).make(self.site)


@dataclass(frozen=True)
class WindowTask:
    """Makes atlas and R of a window whose masts are traced."""

    place_index: int
    folder: Path
    configuration: TraceConfiguration
    maps: RadioMapConfiguration

    @property
    def name(self) -> str:
        """Its folder."""
        return str(self.folder)

    def perform(self) -> None:
        """Makes them unless that was done.

        Raises:
            PlaceError: a mast is missing and cannot be traced from.
        """
        trace_place(self.folder, self.configuration, maps=self.maps)


@lru_cache(maxsize=1)
def _parts(folder: Path, configuration: TraceConfiguration) -> SiteParts:
    """The parts of one place, whose scene is kept for its next mast."""
    place = open_place(folder)
    return SiteParts(place, configuration, atlas_provenance(place, configuration))


def trace_area(
    folder: Path,
    configuration: TraceConfiguration,
    maps: RadioMapConfiguration,
    engine: Engine,
    progress: tuple[Progress, Progress],
) -> TracedArea:
    """Traces every window of an area that is not traced yet; a killed trace goes on with the next mast.

    Args:
        folder: the area's folder.
        configuration: how to trace.
        maps: what R of each window is to hold.
        engine: what performs the units; the bytes do not depend on it.
        progress: called with the masts done and their number; the same for windows.

    Raises:
        PlaceError: there is no area, it has no windows, or a mast cannot be traced from.
        StorageFullError: the disk filled up.
    """
    area = open_traced_area(folder)
    if not area.tiles:
        raise PlaceError(
            f"{folder} has no map, so there is nothing to trace; it locates by the formula as it is"
        )
    left = [
        (index, place.folder)
        for index, place in enumerate(area.place(tile) for tile in area.tiles)
        if not is_traced(place, configuration, maps)
    ]
    masts = [
        MastTask(index, window, site, configuration)
        for index, window in left
        for site in _missing(window, configuration)
    ]
    windows = [WindowTask(index, window, configuration, maps) for index, window in left]
    _run(masts, engine, progress[0])
    _run(windows, engine, progress[1])
    return area


def _missing(folder: Path, configuration: TraceConfiguration) -> list[int]:
    """Sites of a window without a part, none where its atlas is whole."""
    parts = _parts(folder, configuration)
    if parts.is_finished():
        return []
    return [site for site in range(parts.count) if not parts.is_made(site)]


def _run(tasks: Sequence[Task], engine: Engine, progress: Progress) -> None:
    """Performs all tasks; the first that fails ends the trace, and what was done before stays.

    Raises:
        PlaceError: one fails.
    """
    for done, outcome in enumerate(engine.run(tasks), start=1):
        if outcome.failure is not None:
            raise PlaceError(f"{outcome.task.name}: {outcome.failure}")
        progress(done, len(tasks))
