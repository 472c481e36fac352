"""How many workers this machine has memory for."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import PlaceError
from raylocus.scenes.place import load_place

#: Memory of a worker before it has read a place [bytes]: Python and its libraries.
WORKER_BASE = 700 * 2**20
#: Arrays as large as all beams' float64 radio maps that a world's observation holds at its peak.
WORLD_ARRAYS = 12
#: Share of the free memory that workers may take.
SHARE = 0.8


def workers_that_fit(needed: int) -> int:
    """As many workers as there are CPUs, or fewer where memory is short; one at least.

    Args:
        needed: memory of one worker [bytes].
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cpus, int(SHARE * available_memory() // needed)))


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


def available_memory() -> int:
    """Memory that can be taken without swapping [bytes], also where a control group allows less."""
    free = psutil.virtual_memory().available
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return max(free, 0)
