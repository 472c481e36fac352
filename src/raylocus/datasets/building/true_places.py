"""A place as it may truly stand where its map errs: draws by the law of map errors, each a place folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place, perturbed_place
from raylocus.scenes.place import load_place


def drawn_places(
    choice: PlaceChoice, count: int, trace: TraceConfiguration, progress: Callable[[str], None]
) -> tuple[TracedPlace, ...]:
    """So many draws of what may stand at a place whose map errs, none that which its reports were observed in.

    They are kept next to the place, so that another run finds them and one that was killed goes on; what is broken is
    made again. `progress` is called with one line as each begins.

    Raises:
        PlaceError: the place's buildings are not separate.
        StorageFullError: the disk filled up.
    """
    found = []
    for number in range(1, count + 1):
        # Not a seed that a dataset gives: the observed one is drawn by the choice's own.
        seed = int(np.random.default_rng([choice.seed, number]).integers(2**40, 2**41))
        folder = choice.folder.with_name(f"{choice.folder.name}.drawn-{number}")
        progress(f"what may stand at {choice.name}, draw {number} of {count}")
        found.append(_drawn(choice, folder, seed, trace))
    return tuple(found)


def _drawn(choice: PlaceChoice, folder: Path, seed: int, trace: TraceConfiguration) -> TracedPlace:
    law = MapErrorLaw(severity=choice.map_error)
    try:
        perturbed_place(choice.folder, folder, law, seed)
        place = trace_place(folder, trace)
        # Both are kept by the place, and the bound reads them anyway.
        for layer in place.layers():
            _ = layer.atlas, layer.radio_maps
        return place
    except (InputError, OSError):
        perturb_place(load_place(choice.folder), folder, law, seed)
        return trace_place(folder, trace)
