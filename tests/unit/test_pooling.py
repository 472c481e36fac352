"""Reports of one phone together: read as one within a stretch, filtered over the ground between stretches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from field_fixtures import CALM, deployment_of, network, reports_of
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses
from raylocus.models.area.pooling import pooled
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.stretches import in_stretches
from raylocus.ragged import Rows


def two_places(*places: tuple[float, float]) -> GroundMasses:
    """Reports that may each be at either of two points of a line [m]."""
    centre = torch.tensor([[[x, 0.0] for x in each] for each in places])
    masses = CellMasses(centre, torch.full((len(places), 2), 20.0), torch.full((len(places), 2), 0.5))
    return GroundMasses(np.zeros((len(places), 2)), masses, masses.median().numpy().astype(float))


def at_first(seconds: float) -> float:
    """Mass at −500 m, where both of two reports may be."""
    ground = two_places((-500.0, 0.0), (-500.0, 500.0))
    found = pooled(ground, np.full(2, 300.0), np.array([0.0, seconds]), Rows.of(np.array([2])))
    return float(found.masses.mass[0][found.masses.centre[0, :, 0] < -400].sum())


def test_a_phone_is_where_it_can_have_come_from() -> None:
    assert at_first(10.0) > 0.6
    assert abs(at_first(3000.0) - 0.5) < 0.05  # long after, the first report says nothing


def grouped(reports: Reports, size: int, gap: float) -> Reports:
    """The same reports as sequences of some, with time between them [s]."""
    offsets = Rows.of(np.full(len(reports.time) // size, size)).offsets
    return replace(reports, report_offsets=offsets, time=gap * (np.arange(len(reports.time)) % size))


def test_reports_far_apart_in_time_are_answered_by_themselves() -> None:
    drawn = network(11, CALM, 12)
    reports, deployment, locator = reports_of(drawn), deployment_of(drawn.heard), AreaLocator.pretrained()
    single = [each for each in locator.located(reports, deployment)][0].ground.median
    long_ago = [each for each in locator.located(grouped(reports, 4, 1000.0), deployment)][0].ground.median
    assert long_ago == pytest.approx(single[3::4], abs=0.05)


def test_what_one_report_missed_another_may_have_heard() -> None:
    drawn = network(11, CALM, 6)
    reports = reports_of(drawn)
    assert in_stretches(reports, 5.0) is reports
    # The first report twice: once without its strongest cell, then without its weakest.
    number = reports.token_offsets[1]
    twice = reports.select(np.array([0, 0]))
    some = twice.select_tokens(~np.isin(np.arange(2 * number), [0, 2 * number - 1]))
    parted = replace(some, report_offsets=np.array([0, 2]), time=np.array([0.0, 1.0]))
    whole = in_stretches(parted, 5.0)
    assert set(whole.pci) == set(reports.select(np.array([0])).pci) and len(whole.time) == 1
    assert len(in_stretches(parted, 0.5).time) == 2
    louder = replace(parted, features=parted.features + np.repeat([0.0, 8.0], number - 1)[:, None])
    step = in_stretches(louder, 5.0).features[:, 0] - in_stretches(parted, 5.0).features[:, 0]
    assert sorted(step.round(3)) == [0.0, *[4.0] * (number - 2), 8.0]
