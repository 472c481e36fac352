"""A locator for traced maps learns levels, few weights and what its regions hold in one place, of use there alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.errors import CheckpointError, InputError
from raylocus.evaluation.evaluation import coverage, region_ranks
from raylocus.inference.corrected_levels import corrected
from raylocus.inference.locator import Locator
from raylocus.inference.online_expected import ExpectedOfMaps
from raylocus.inference.place_adaptation import adapt_to_place, level_errors
from raylocus.models.checkpoint import load_network, save_network
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.training.adapt.fine_tune import PlaceTags, best_end, tuned_to_place
from training_fixtures import small_place


def test_regions_hold_what_they_say_in_the_place_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raylocus.training.adapt.fine_tune.ENDS", (0, 5))
    place, start = synthetic_place(2, size=192.0, sites=3, beams=4), Locator.pretrained()
    # Too wide: its masses are spread too far from the peak.
    wide = replace(start.trained, calibration=replace(start.trained.calibration, temperature=9.0))
    reports = synthetic_reports(place, 44, 9)
    reports = reports.select_reports(reports.last_report)
    tagged, asked = reports.select(np.arange(20)), reports.select(np.arange(20, 44))
    adapted = adapt_to_place(wide, tagged, place)
    save_network(adapted.trained, tmp_path / "adapted.ckpt")
    again = Locator(load_network(tmp_path / "adapted.ckpt"))
    truth = asked.position[asked.last_report, :2]
    before, after = (Locator(each).posterior(asked, place) for each in (wide, again.trained))
    assert np.allclose(after.density.sum((1, 2)), 1, atol=1e-4)
    held = [coverage(*region_ranks(each, truth), 0.5) for each in (before, after)]
    assert all(np.array(again.trained.calibration.regions.nominal) < [0.49, 0.85, 0.94])
    assert held[1] < held[0] and held[0] > 0.6
    assert "20 reports" in adapted.lines[0]
    other = small_place(1)
    with pytest.raises(CheckpointError, match="other sites"):
        again.posterior(synthetic_reports(other, 3, 9), other)
    with pytest.raises(CheckpointError, match="other sites"):
        again.on_maps(synthetic_reports(other, 3, 9), other)
    with pytest.raises(InputError, match="adapted already"):
        adapt_to_place(again.trained, tagged, place)
    with pytest.raises(InputError, match="10 are needed"):
        adapt_to_place(wide, tagged.select(np.arange(9)), place)


def test_corrected_levels_undo_what_cells_are_off_by() -> None:
    place, start = small_place(2), Locator.pretrained()
    reports = synthetic_reports(place, 24, 9)
    off = np.full(len(place.deployment.cells), 12.0)
    shifted = corrected(reports, place.deployment, -off)
    expected = ExpectedOfMaps(place)
    learned = level_errors(shifted, expected) - level_errors(reports, expected)
    assert np.allclose(learned, off, atol=4)
    calibration = replace(start.trained.calibration, levels=tuple(off.tolist()))
    leveled = Locator(replace(start.trained, calibration=calibration))
    assert np.allclose(
        leveled.posterior(shifted, place).density, start.posterior(reports, place).density, atol=1e-5
    )


def test_weights_move_only_where_they_may_and_as_far_as_tags_go() -> None:
    place, start = small_place(2), Locator.pretrained()
    with torch.no_grad():
        encoded = start.encoded(place)
    network = start.trained.network
    tags = PlaceTags(sequence_tensors(synthetic_reports(place, 12, 9), place.deployment), encoded, 1)
    before, after = tuned_to_place(network, tags, (0, 3))
    moved = {
        name
        for (name, was), now in zip(before.named_parameters(), after.parameters(), strict=True)
        if not torch.equal(was, now)
    }
    assert "evidence.log_own" in moved and not any(name.startswith("map_encoder.") for name in moved)
    assert tags.costs(after).mean() < tags.costs(before).mean() == tags.costs(network).mean()
    assert best_end((0, 5), np.array([[1.0, 2.0, 1.5], [1.1, 2.0, 1.6]])) == 0
    assert best_end((0, 5), np.array([[1.0, 2.0, 1.5], [0.5, 1.4, 1.1]])) == 5
