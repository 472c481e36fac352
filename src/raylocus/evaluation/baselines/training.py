"""What the baselines choose their parameters on: some sequences of every training place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.evaluation.baselines.masses import GroundMethod
from raylocus.evaluation.evaluation import NLL_FLOOR, TrainingPlaces
from raylocus.evaluation.observations import Observations, observations
from raylocus.execution.threads import tiny_is_zero
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports

Candidate = TypeVar("Candidate")
Ground = TypeVar("Ground", bound=GroundMethod)
#: ln of the density at the truths of an example, by candidate and the example's number.
Scores = Callable[[Candidate, int], Float[np.ndarray, " sample"]]


@dataclass(frozen=True)
class Example:
    """Sequences of one training place."""

    maps: NominalMaps
    reports: Reports
    observations: Observations
    truth: Int[np.ndarray, " sample"]
    """Ground cell of each sequence's last position, in flat [y, x] order."""

    @tiny_is_zero()
    def log_scores(self, log_density: Float[np.ndarray, "sample ground"]) -> Float[np.ndarray, " sample"]:
        """ln of the posterior's density per m² at the truths, with the floor of `metrics.NLL_FLOOR`.

        `log_density` is ln of a likelihood of each ground cell, up to a constant of each sequence.
        """
        prior = self.maps.prior.ravel().astype(np.float32)
        outdoors = np.flatnonzero(prior)
        weight = log_density[:, outdoors]
        peak = weight.max(axis=1, keepdims=True)
        weight -= peak
        evidence = np.exp(weight, out=weight) @ prior[outdoors]
        at_truth = log_density[np.arange(len(log_density)), self.truth] - peak[:, 0]
        return self._log_score(np.exp(at_truth) * prior[self.truth] / evidence)

    @property
    def rsrp(self) -> Float[np.ndarray, "sample cell"]:
        """Of each sequence's last report [dBm]."""
        return self.observations.rsrp[self.observations.last]

    def log_scores_of_masses(
        self, density: Float[np.ndarray, "sample ground"]
    ) -> Float[np.ndarray, " sample"]:
        """The same of posterior masses."""
        return self._log_score(density[np.arange(len(density)), self.truth])

    def _log_score(self, mass: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        floor, area = NLL_FLOOR / self.maps.tile.count**2, self.maps.tile.resolution**2
        return np.log(np.maximum(mass.astype(np.float64), floor) / area)


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
        some = reports.select(np.unique(np.linspace(0, len(reports) - 1, share).astype(np.int64)))
        maps = nominal_maps(place)
        truth = maps.tile.index(some.position[some.last_report, :2].astype(np.float64))
        chosen.append(Example(maps, some, observations(some, maps.deployment), truth))
    return chosen


def likeliest(
    candidates: Iterable[Candidate], scores: Scores[Candidate], chosen: Sequence[Example]
) -> Candidate:
    """The candidate under which the true positions are likeliest: the greatest mean score over all examples."""
    return max(candidates, key=lambda candidate: mean_score(candidate, scores, chosen))


def likeliest_located(candidates: Iterable[Ground], chosen: Sequence[Example]) -> Ground:
    """The same of methods by what they answer to the examples."""

    def scores(method: Ground, number: int) -> Float[np.ndarray, " sample"]:
        density, _ = method.located(chosen[number].observations, chosen[number].maps)
        return chosen[number].log_scores_of_masses(density)

    return likeliest(candidates, scores, chosen)


def climbed(
    candidates: Sequence[Candidate], start: int, scores: Scores[Candidate], chosen: Sequence[Example]
) -> Candidate:
    """The same of ordered candidates whose score has one peak, found uphill from the one numbered `start`."""
    best, found = start, mean_score(candidates[start], scores, chosen)
    for step in (1, -1):
        while 0 <= best + step < len(candidates):
            score = mean_score(candidates[best + step], scores, chosen)
            if score <= found:
                break
            best, found = best + step, score
        if best != start:
            break
    return candidates[best]


def mean_score(candidate: Candidate, scores: Scores[Candidate], chosen: Sequence[Example]) -> float:
    """Mean score of a candidate over all examples."""
    return float(np.concatenate([scores(candidate, number) for number in range(len(chosen))]).mean())
