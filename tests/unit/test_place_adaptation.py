"""A locator for traced maps learns what its regions hold in one place, and is of use there alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_fixtures import synthetic_reports
from raylocus.errors import CheckpointError, InputError
from raylocus.evaluation.metrics import coverage, region_ranks
from raylocus.inference.locator import Locator
from raylocus.inference.place_adaptation import adapt_to_place
from raylocus.models.checkpoint import load_network, save_network
from training_fixtures import small_place


def test_regions_hold_what_they_say_in_the_place_and_nowhere_else(tmp_path: Path) -> None:
    place, start = small_place(2), Locator.pretrained()
    # Sure and wrong: its masses are all too near to the peak.
    sharp = replace(start.trained, calibration=replace(start.trained.calibration, temperature=0.4))
    reports = synthetic_reports(place, 44, 9)
    tagged, asked = reports.select(np.arange(28)), reports.select(np.arange(28, 44))
    adapted = adapt_to_place(sharp, tagged, place)
    save_network(adapted.trained, tmp_path / "adapted.ckpt")
    again = Locator(load_network(tmp_path / "adapted.ckpt"))
    truth = asked.position[asked.last_report, :2]
    before, after = (Locator(each).posterior(asked, place) for each in (sharp, again.trained))
    assert np.allclose(after.density.sum((1, 2)), 1, atol=1e-4)
    assert np.array_equal(before.mean, after.mean)
    held = [coverage(*region_ranks(each, truth), 0.9) for each in (before, after)]
    assert held[0] < 0.75 and held[1] > held[0] + 0.1 and "28 reports" in adapted.lines[0]
    other = small_place(1)
    with pytest.raises(CheckpointError, match="other sites"):
        again.posterior(synthetic_reports(other, 3, 9), other)
    with pytest.raises(CheckpointError, match="other sites"):
        again.on_maps(synthetic_reports(other, 3, 9), other)
    with pytest.raises(InputError, match="adapted already"):
        adapt_to_place(again.trained, tagged, place)
    with pytest.raises(InputError, match="10 are needed"):
        adapt_to_place(sharp, tagged.select(np.arange(9)), place)
