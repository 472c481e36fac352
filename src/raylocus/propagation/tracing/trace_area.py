"""Traces an area: one unit for each mast in each window, by any engine, then R of each window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.execution.task import Engine, Task
from raylocus.propagation.maps.layers.complete import RadioMapConfiguration
from raylocus.propagation.maps.traced_area import TracedArea, open_traced_area
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.tracing.site_parts import SiteParts
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_place import atlas_provenance, is_traced, trace_place

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
