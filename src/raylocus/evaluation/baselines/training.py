"""What the baselines choose their parameters on: some sequences of every training place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.method import MappedPlace, TrainingPlaces, map_grid
from raylocus.evaluation.metrics import NLL_FLOOR
from raylocus.evaluation.observations import Observations, observations

Candidate = TypeVar("Candidate")


@dataclass(frozen=True)
class Example:
    """Sequences of one training place."""

    place: MappedPlace
    observations: Observations
    samples: Int[np.ndarray, "chosen"]
    """Indices of the sequences used."""
    truth: Float[np.ndarray, "chosen 2"]
    """True last positions of those [m]."""

    @property
    def last(self) -> Int[np.ndarray, "chosen"]:
        """Indices of the last reports of the sequences used."""
        return self.observations.last[self.samples]

    def log_score(self, density: Float[np.ndarray, "chosen ground"]) -> Float[np.ndarray, "chosen"]:
        """ln of the density per m² at the truths, with the floor of `metrics.NLL_FLOOR`."""
        grid = map_grid(self.place)
        mass = density[np.arange(len(density)), grid.index(self.truth)].astype(np.float64)
        return np.log(np.maximum(mass, NLL_FLOOR / density.shape[1]) / grid.resolution**2)


def examples(training: TrainingPlaces, most: int) -> list[Example]:
    """Up to `most` sequences of all places together, spread evenly over places and sequences.

    Raises:
        InputError: there are no training sequences.
    """
    pairs = [(reports, place) for reports, place in training if len(reports)]
    if not pairs:
        raise InputError(
            "there are no training sequences to choose a baseline's parameters on; add training places"
        )
    share = max(1, most // len(pairs))
    chosen = []
    for reports, place in pairs:
        samples = np.unique(np.linspace(0, len(reports) - 1, share).astype(np.int64))
        truth = np.asarray(reports.position[reports.last_report[samples], :2])
        chosen.append(Example(place, observations(reports, place.deployment), samples, truth))
    return chosen


def likeliest(
    candidates: Iterable[Candidate],
    densities: Callable[[Candidate, Example], Float[np.ndarray, "chosen ground"]],
    chosen: Sequence[Example],
) -> Candidate:
    """The candidate under which the true positions are likeliest: the least mean NLL over all examples."""

    def score(candidate: Candidate) -> float:
        return float(np.concatenate([one.log_score(densities(candidate, one)) for one in chosen]).mean())

    return max(candidates, key=score)
