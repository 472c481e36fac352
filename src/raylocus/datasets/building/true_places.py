"""A place as it may truly stand where its map errs: draws by the law of map errors, each a place folder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturbed_place


def drawn_places(
    choice: PlaceChoice, count: int, trace: TraceConfiguration, progress: Callable[[str], None]
) -> tuple[TracedPlace, ...]:
    """So many draws of what may stand at a place whose map errs, none that which its reports were observed in.

    They are kept next to the place, so that another run finds them and one that was killed goes on; `progress` is
    called with one line as each begins.

    Raises:
        InputError: it is a single one, with which nothing can be compared.
        PlaceError: the place's buildings are not separate.
        StorageFullError: the disk filled up.
    """
    if count == 1:
        raise InputError(
            "one draw of what may stand there says nothing of how the map errs; ask for 2 or more"
        )
    found = []
    for number in range(1, count + 1):
        # Not a seed that a dataset gives: the observed one is drawn by the choice's own.
        seed = int(np.random.default_rng([choice.seed, number]).integers(2**40, 2**41))
        folder = choice.folder.with_name(f"{choice.folder.name}.drawn-{number}")
        progress(f"what may stand at {choice.name}, draw {number} of {count}")
        perturbed_place(choice.folder, folder, MapErrorLaw(severity=choice.map_error), seed)
        found.append(trace_place(folder, trace))
    return tuple(found)
