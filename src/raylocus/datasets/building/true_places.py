"""A place as it may truly stand where its map errs: draws by the law of map errors, each a place folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place, perturbed_place
from raylocus.scenes.place import load_place

#: Fewest draws: the bound's check compares each with the others.
FEWEST_DRAWS = 3


def drawn_places(
    choice: PlaceChoice,
    law: MapErrorLaw,
    count: int,
    trace: TraceConfiguration,
    progress: Callable[[str], None],
) -> tuple[TracedPlace, ...]:
    """So many draws of what may stand at a place whose map errs, none that which its reports were observed in.

    They are kept next to the place, so that another run finds them and one that was killed goes on; what is broken is
    made again. `progress` is called with one line as each begins.

    Raises:
        InputError: they are fewer than `FEWEST_DRAWS`.
        PlaceError: the place's buildings are not separate.
        StorageFullError: the disk filled up.
    """
    if count < FEWEST_DRAWS:
        raise InputError(
            f"{count} draws of what may stand there are too few to be compared; ask for {FEWEST_DRAWS}"
        )
    found = []
    for number in range(1, count + 1):
        # Not a seed that a dataset gives: the observed one is drawn by the choice's own.
        seed = int(np.random.default_rng([choice.seed, number]).integers(2**40, 2**41))
        folder = choice.folder.with_name(f"{choice.folder.name}.drawn-{number}")
        progress(f"what may stand at {choice.name}, draw {number} of {count}")
        found.append(_drawn(choice.folder, folder, law, seed, trace))
    return tuple(found)


def _drawn(mapped: Path, folder: Path, law: MapErrorLaw, seed: int, trace: TraceConfiguration) -> TracedPlace:
    kept = folder.exists()
    try:
        perturbed_place(mapped, folder, law, seed)
        trace_place(folder, trace)
        return _readable(folder)
    except (PlaceError, StoreError, FileNotFoundError):
        if not kept:
            raise
    perturb_place(load_place(mapped), folder, law, seed)
    return trace_place(folder, trace)


def _readable(folder: Path) -> TracedPlace:
    """A traced place whose maps can be read; it does not hold them, for it is sent to other processes."""
    place = open_place(folder)
    _ = place.atlas, place.radio_maps
    return open_place(folder)
