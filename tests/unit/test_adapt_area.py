"""Adaptation of the area network: what tags add, what regions hold, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from field_fixtures import CALM, deployment_of, network, reports_of
from raylocus.errors import CheckpointError, InputError
from raylocus.inference.area_locator import AreaLocator
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.trained import load_area_network, save_area_network
from raylocus.models.regions import Regions, conformal_regions
from raylocus.training.adapt import fine_tune
from raylocus.training.adapt.area import adapt_area_network, tags_of


def test_regions_hold_what_they_say_of_a_sure_answer() -> None:
    rng = np.random.default_rng(0)
    ranks = 1 - (1 - rng.random(4000)) ** 0.5 / 2  # truths lie too far out
    nominal = conformal_regions(ranks[:2000]).nominal
    held = [np.mean(ranks[2000:] <= each) for each in nominal]
    assert held == pytest.approx([0.5, 0.9, 0.95], abs=0.03)
    assert conformal_regions(np.zeros(0)).nominal == pytest.approx((0.5, 0.9, 0.95), abs=0.08)
    side, mass = torch.ones(1, 100), torch.linspace(2, 0.01, 100)[None]
    masses = CellMasses(torch.zeros(1, 100, 2), side, mass / mass.sum())
    wider = masses.restated(Regions((0.7, 0.95, 0.98)))
    inside = int((masses.mass.cumsum(1) <= 0.7).sum())
    assert float(wider.mass[0, :inside].sum()) == pytest.approx(0.5, abs=0.02)


def test_tags_make_answers_better_and_are_kept_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tune, "ENDS", (0, 5))
    drawn = network(11, CALM, 40)
    reports, deployment = reports_of(drawn), deployment_of(drawn.heard)
    start = AreaLocator.pretrained()
    tags = tags_of(reports.select(np.arange(26)), deployment)
    adapted = adapt_area_network(start.trained, tags)
    made = tmp_path / "adapted.ckpt"
    save_area_network(adapted.trained, made)
    again = AreaLocator(load_area_network(made))
    others = reports.select(np.arange(26, len(reports)))
    truth = others.position[:, :2]

    def errors(locator: AreaLocator) -> np.ndarray:
        return np.concatenate([
            np.hypot(*(each.ground.median - truth[each.sequence]).T) for each in locator.located(others, deployment)
        ])  # fmt: skip

    assert np.allclose(errors(again), errors(AreaLocator(adapted.trained)))
    assert np.mean(errors(again)) < np.mean(errors(start))
    if again.trained.tags is not None:
        elsewhere = network(12)
        with pytest.raises(CheckpointError, match="other sites"):
            list(again.located(reports_of(elsewhere), deployment_of(elsewhere.heard)))


def test_too_few_tags_and_tags_that_contradict_are_refused() -> None:
    drawn = network(11, CALM, 24)
    reports, deployment = reports_of(drawn), deployment_of(drawn.heard)
    start = AreaLocator.pretrained().trained
    with pytest.raises(InputError, match="10 are needed"):
        adapt_area_network(start, tags_of(reports.select(np.arange(9)), deployment))
    reports.position[:, :2] += 20000.0
    with pytest.raises(InputError, match="contradict"):
        adapt_area_network(start, tags_of(reports, deployment))
