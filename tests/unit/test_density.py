import math

import pytest
import torch
from test_losses import pointed

from model_fixtures import synthetic_place
from raylocus.models.density import (
    DISPLACED_MAPS,
    displaced_density,
    estimate,
    fine_centres,
    fine_density,
    mode_position,
)
from raylocus.models.inputs.maps import place_maps
from raylocus.models.posterior import geometric_median


@pytest.fixture(scope="module")
def maps():
    return place_maps(synthetic_place(1, size=128.0, sites=2, beams=4))


def outdoor_point(maps) -> torch.Tensor:
    """A point with 12 m of open ground on all sides."""
    free = -torch.nn.functional.max_pool2d(-maps.fine_outdoor[None], 7, 1, 3)[0]
    return fine_centres(maps)[free.flatten().argmax()][None]


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_a_density_sums_to_one_and_stays_outdoors(maps, temperature):
    density = fine_density(pointed(maps, torch.tensor([[3.0, 5.0], [-40.0, 20.0]])), maps, temperature)
    torch.testing.assert_close(density.sum((1, 2)), torch.ones(2))
    assert density[:, maps.fine_outdoor == 0].max() == 0


def test_a_density_is_the_mixture_it_is_made_of(maps):
    prediction = pointed(maps, outdoor_point(maps))
    density = fine_density(prediction, maps, 1.0)[0].flatten()
    expected = (
        prediction.log_density(fine_centres(maps)[None])[0].exp() * 16 * (maps.fine_outdoor.flatten() > 0)
    )
    torch.testing.assert_close(density, expected / expected.sum(), atol=1e-4, rtol=1e-2)


def test_the_log_density_of_a_gaussian(maps):
    target = torch.tensor([[0.0, 0.0]])
    found = pointed(maps, target).log_density(torch.tensor([[[0.0, 0.0], [2.0, 0.0], [2.0, -4.0]]]))[0]
    peak = -math.log(2 * math.pi * 4)
    torch.testing.assert_close(found, torch.tensor([peak, peak - 0.5, peak - 2.5]), atol=1e-4, rtol=0)


def test_a_higher_temperature_is_wider(maps):
    prediction = pointed(maps, outdoor_point(maps))
    peaks = [float(fine_density(prediction, maps, temperature).max()) for temperature in (0.7, 1.0, 2.0)]
    assert peaks[0] > peaks[1] > peaks[2]


def test_estimators_of_two_unequal_peaks(maps):
    centres = fine_centres(maps)
    density = torch.zeros(1, 32, 32)
    density[0, 4, 4], density[0, 4, 28] = 0.6, 0.4
    heavy, light = centres[4 * 32 + 4], centres[4 * 32 + 28]
    torch.testing.assert_close(estimate(density, maps, "mean")[0], 0.6 * heavy + 0.4 * light)
    assert (geometric_median(density, maps.size)[0] - heavy).norm() < 2
    torch.testing.assert_close(mode_position(density, centres)[0], heavy)


def test_maps_that_may_be_displaced_leave_some_mass_inside_outlines_near_by_and_none_far_off():
    density = torch.zeros(1, 64, 64)
    density[0, 20, 30] = 1.0
    found = displaced_density(density, 256.0)[0]
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-5)
    assert 1 - DISPLACED_MAPS < float(found[20, 30]) < 1 - 0.9 * DISPLACED_MAPS
    # 12 m are three ground cells: a tenth of the mass, and two thirds of it, is as near along x.
    assert float(found[:, 27:34].sum() - found[20, 30]) == pytest.approx(0.75 * DISPLACED_MAPS, rel=0.1)
    assert float(found[20, 45:].sum()) == 0
