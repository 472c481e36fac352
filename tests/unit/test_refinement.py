"""Refined estimates: no less likely, never out of the region; and what an explanation says."""

import dataclasses

import numpy as np
import pytest
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.errors import InputError
from raylocus.inference.explanation import explained
from raylocus.inference.locator import Locator
from raylocus.inference.refinement import in_region


@pytest.fixture(scope="module")
def place():
    return synthetic_place(1, size=128.0, sites=2, beams=4)


@pytest.fixture(scope="module")
def reports(place):
    return synthetic_reports(place, 6, 5)


def test_refinement_moves_the_estimate_within_the_region_and_nothing_else(place, reports):
    locator = Locator.pretrained()
    before, after = (
        each.posterior(reports, place) for each in (locator, dataclasses.replace(locator, refine="bilinear"))
    )
    np.testing.assert_array_equal(after.density, before.density)
    moved = np.linalg.norm(after.mean - before.mean, axis=1) > 0
    assert moved.any()
    inside = in_region(torch.from_numpy(after.density), torch.from_numpy(after.mean), place.tile.size).numpy()
    assert inside[moved].all()


def test_following_paths_needs_a_traced_place(place, reports):
    with pytest.raises(InputError, match="folder of a traced place"):
        dataclasses.replace(Locator.pretrained(), refine="images").posterior(reports, place)


def test_the_region_is_the_smallest_of_its_mass():
    density = torch.tensor([[0.5, 0.3], [0.15, 0.05]]).expand(4, 2, 2)
    points = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    assert in_region(density, points, 4.0).tolist() == [True, True, True, False]


def test_an_explanation_names_what_was_measured_of_each_cell(place, reports):
    locator = Locator.pretrained()
    found = explained(locator, reports, place, locator.fixes(reports, place))
    levels = [each for each in found if each.feature == "rsrp" and each.sequence == 0]
    tokens = reports.report_of_token == reports.last_report[0]
    rsrp = reports.features[tokens, reports.feature_names.index("rsrp")]
    assert {each.pci for each in levels} <= set(reports.pci[tokens].tolist())
    assert all(np.isclose(each.measured, rsrp[~np.isnan(rsrp)]).any() for each in levels)
    assert abs(np.nansum([each.measured - each.expected for each in levels])) < 1e-3
