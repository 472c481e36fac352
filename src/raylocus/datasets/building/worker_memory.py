"""How many workers the places of a dataset leave room for."""

from __future__ import annotations

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import PlaceError
from raylocus.execution.engines import WORKER_BASE, workers_that_fit
from raylocus.scenes.place import load_place

#: Arrays as large as all beams' float64 radio maps that a world's observation holds at its peak.
WORLD_ARRAYS = 12


def workers_for(configuration: DatasetConfiguration) -> int:
    """As many workers as fit for the places of a dataset.

    Places that are built and traced here need what tracing may take, and are taken to be as large as a
    dozen cells of eight beams make them.
    """
    needed = [_memory_of_place(choice) for choice in configuration.places]
    if any(choice.source is not None for choice in configuration.places):
        tracing = WORKER_BASE + int(configuration.trace.memory_budget * 2**30)
        needed += [tracing, worker_memory(12, 8, configuration.scene.tile.count**2)]
    return workers_that_fit(max(needed))


def _memory_of_place(choice: PlaceChoice) -> int:
    try:
        place = load_place(choice.folder)
    except PlaceError:
        return WORKER_BASE
    return worker_memory(len(place.deployment.cells), place.deployment.beam_count, place.tile.count**2)


def worker_memory(cells: int, beams: int, ground_cells: int) -> int:
    """Memory that a worker needs for a place [bytes]."""
    return WORKER_BASE + WORLD_ARRAYS * 8 * cells * beams * ground_cells
