"""Runs methods on test sequences and scores their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from raylocus.evaluation.evaluation import Evaluation, Truth, evaluation_of
from raylocus.evaluation.method import Method
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports


@dataclass(frozen=True)
class Outcome:
    """One method's posterior and its evaluation."""

    posterior: Posterior
    evaluation: Evaluation


def truth_of(reports: Reports, place: MappedPlace) -> Truth:
    """What is true of each sequence's last report."""
    last = reports.last_report
    return Truth(
        position=np.asarray(reports.position[last, :2]),
        heard_cells=observations(reports, place.deployment).heard[last],
        line_of_sight=np.asarray(reports.line_of_sight[last], float),
    )


def evaluate(method: Method, reports: Reports, place: MappedPlace) -> Outcome:
    """Locates all sequences with one method and scores the answers.

    Raises:
        InputError: a true position lies outside the tile.
        PlaceError: the reports name a cell that the place does not have.
    """
    started = time.process_time()
    posterior = method.locate(reports, place)
    seconds = time.process_time() - started
    return Outcome(posterior, evaluation_of(method.name, posterior, truth_of(reports, place), seconds))


def evaluate_all(
    methods: Sequence[Method],
    reports: Reports,
    place: MappedPlace,
    progress: Callable[[str], None] = lambda name: None,
) -> dict[str, Outcome]:
    """Outcomes by method name, in the methods' order; `progress` is called with each name as it starts."""
    outcomes, maps = {}, nominal_maps(place)
    for method in methods:
        progress(method.name)
        outcomes[method.name] = evaluate(method, reports, maps)
    return outcomes
