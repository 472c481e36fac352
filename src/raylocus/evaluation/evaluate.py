"""Runs methods on test sequences and writes what came of it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.evaluation.evaluation import Evaluation, Truth, evaluation_of
from raylocus.evaluation.method import MappedPlace, Method
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.storage import written_whole


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
    started = time.perf_counter()
    posterior = method.locate(reports, place)
    seconds = time.perf_counter() - started
    return Outcome(posterior, evaluation_of(method.name, posterior, truth_of(reports, place), seconds))


def evaluate_all(
    methods: Sequence[Method],
    reports: Reports,
    place: MappedPlace,
    progress: Callable[[str], None] = lambda name: None,
) -> dict[str, Outcome]:
    """Outcomes by method name, in the methods' order; `progress` is told each name as it starts."""
    outcomes = {}
    for method in methods:
        progress(method.name)
        outcomes[method.name] = evaluate(method, reports, place)
    return outcomes


def write_metrics(evaluations: Sequence[Evaluation], path: Path, bound: Evaluation | None = None) -> None:
    """Writes metrics.json: one object a method, see `Evaluation.summary`; numbers that are not finite are null.

    Raises:
        StorageFullError: the disk filled up.
    """
    table = {one.name: _finite(one.summary(bound)) for one in evaluations}
    with written_whole(path) as aside:
        aside.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


def _finite(summary: dict[str, float | None]) -> dict[str, float | None]:
    return {
        key: value if value is not None and math.isfinite(value) else None for key, value in summary.items()
    }
