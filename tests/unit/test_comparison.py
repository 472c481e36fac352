"""Comparing methods: what a method knows of each sequence's world, and the order of its answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation_fixtures import synthetic_place
from network_fixtures import random_reports
from raylocus.evaluation.references import MethodByGroup
from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports

GRID = Grid(16.0, 8.0)


@dataclass(frozen=True)
class Echo:
    """Answers with its own number and with where the sequence ends."""

    name: str
    number: int

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        count = len(reports)
        mean = np.column_stack([np.full(count, float(self.number)), reports.position[reports.last_report, 0]])
        density = np.full((count, *GRID.shape), 0.25 / 64)
        return Posterior(GRID, density, mean, np.tile(np.eye(2), (count, 1, 1)))


def test_every_sequence_is_answered_by_its_groups_method_in_its_own_order() -> None:
    reports = random_reports([[1, 2], [1], [2, 1, 1], [1], [3]], seed=0)
    group = np.array([4, 1, 4, 7, 1])
    method = MethodByGroup("echo", group, lambda number: Echo("echo", number))
    found = method.locate(reports, synthetic_place(0))
    np.testing.assert_array_equal(found.mean[:, 0], group)
    np.testing.assert_array_equal(found.mean[:, 1], reports.position[reports.last_report, 0])
