"""A mapped place as it may truly stand where its map errs: draws by the law of map errors, each a place folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.datasets.splits import PlaceChoice
from raylocus.errors import InputError, PlaceError
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place
from raylocus.scenes.place import load_place


@dataclass(frozen=True)
class TruePlace:
    """One draw of what truly stands at a mapped place."""

    mapped: Path
    """Folder of the place as mapped."""
    folder: Path
    """Folder of the draw."""
    law: MapErrorLaw
    seed: int

    @property
    def is_drawn(self) -> bool:
        """Whether the folder holds this draw of the place as it is mapped now."""
        try:
            drawn = load_place(self.folder).map_error
            nominal = load_place(self.mapped).provenance.digest
        except PlaceError:
            return False
        law = json.loads(json.dumps(dataclasses.asdict(self.law)))
        made_from = (drawn.get("law"), drawn.get("seed"), drawn.get("of", {}).get("digest"))
        return made_from == (law, self.seed, nominal)

    def draw(self) -> None:
        """Writes the draw unless it is there. Raises PlaceError as `perturb_place`."""
        if not self.is_drawn:
            perturb_place(load_place(self.mapped), self.folder, self.law, self.seed)


def drawn_places(
    choice: PlaceChoice, count: int, trace: TraceConfiguration, progress: Callable[[str], None]
) -> tuple[TracedPlace, ...]:
    """So many draws of what may stand at a place, none of them that which its reports were observed in.

    They are kept next to the place, so that another run finds them and one that was killed goes on.

    Args:
        choice: the place, with the severity of its map's errors.
        count: number of draws.
        trace: how they are traced.
        progress: called with one line as each begins.

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
        one = TruePlace(choice.folder, folder, MapErrorLaw(severity=choice.map_error), seed)
        progress(f"what may stand at {choice.name}, draw {number} of {count}")
        one.draw()
        found.append(trace_place(folder, trace))
    return tuple(found)
