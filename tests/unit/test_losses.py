import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.models.evidence.deviations import FeatureDeviations
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.losses import local_mean, soft_target
from raylocus.models.physics import residuals
from raylocus.models.physics.expected import MapLookup, by_drjit, by_torch, lookup
from raylocus.models.prediction import Prediction, coarse_centres


def pointed(maps, target: torch.Tensor) -> Prediction:
    """A prediction that is sure of a point."""
    resolution, batch = 8.0, len(target)
    cell = (torch.cdist(target, coarse_centres(maps))).argmin(1)
    log_mass = torch.full((batch, maps.outdoor.numel()), -40.0).scatter(1, cell[:, None], 0.0)
    return Prediction(
        log_mass=log_mass.reshape(batch, *maps.outdoor.shape),
        top=cell[:, None],
        log_weight=torch.zeros(batch, 1, 1),
        mean=target[:, None, None],
        cholesky=torch.tensor([2.0, 0.0, 2.0]).expand(batch, 1, 1, 3),
        detail=torch.zeros(batch, 1, 1),
        resolution=resolution,
        size=maps.size,
    )


DEVIATIONS = FeatureDeviations(7.0, 15.0, 3.0, (17.0, 17.0, 6.0), (0.07, 0.17))


def physics_loss(prediction: Prediction, sequences, maps) -> torch.Tensor:
    expected = MapLookup(maps, by_torch).at(local_mean(prediction))
    return residuals.physics_loss(expected, sequences, maps.site_of_cell, DEVIATIONS)


@pytest.fixture(scope="module")
def place():
    return synthetic_place(1, size=128.0, sites=2, beams=4)


@pytest.fixture(scope="module")
def maps(place):
    return place_maps(place)


def test_the_lookup_is_bilinear(generator):
    level = generator.normal(size=(3, 32, 32)).astype(np.float32)
    point = generator.uniform(-60, 60, (20, 2)).astype(np.float32)
    found = lookup(torch.from_numpy(level), torch.from_numpy(point) / 64, by_torch).numpy()
    column, row = ((point + 64) / 4 - 0.5).T
    expected = np.stack(
        [map_coordinates(layer, [row, column], order=1, mode="nearest") for layer in level], -1
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_lookup_next_to_a_dark_cell_is_missing():
    level = torch.zeros(1, 16, 16)
    level[0, 5, 5] = torch.nan
    centre = (5 + 0.5) * 4 - 32
    found = lookup(level, torch.tensor([[centre + 1.0, centre], [centre + 5.0, centre]]) / 32, by_torch)
    assert torch.isnan(found[0]).all()
    assert found[1, 0] == 0


def test_physics_loss_vanishes_at_the_truth_and_its_gradient_leads_there(place, maps):
    sequences = sequence_tensors(synthetic_reports(place, 8, 5, severity=0.0), place.deployment)
    there = pointed(maps, sequences.target)
    away = pointed(maps, (sequences.target + torch.tensor([30.0, -25.0])).clamp(-60, 60))
    assert float(physics_loss(there, sequences, maps)) < 0.5 * float(physics_loss(away, sequences, maps))
    away.mean.requires_grad_()
    physics_loss(away, sequences, maps).backward()
    assert away.mean.grad.abs().sum() > 0
    assert torch.isfinite(away.mean.grad).all()


def test_the_level_of_all_cells_together_is_no_physics(place, maps):
    sequences = sequence_tensors(synthetic_reports(place, 8, 5), place.deployment)
    prediction = pointed(maps, sequences.target)
    before = physics_loss(prediction, sequences, maps)
    sequences.observed[..., 0] += 17.0
    torch.testing.assert_close(physics_loss(prediction, sequences, maps), before)


def test_the_soft_target_is_a_probability_about_the_truth(maps):
    target = torch.tensor([[10.0, -20.0], [-33.0, 41.0]])
    soft = soft_target(target, maps, 5.0)
    torch.testing.assert_close(soft.sum(1), torch.ones(2))
    assert (soft @ coarse_centres(maps) - target).norm(dim=1).max() < 15
    torch.testing.assert_close(local_mean(pointed(maps, target)), target)


def test_drjit_looks_up_what_torch_does_and_so_do_its_gradients(maps, generator):
    point = torch.from_numpy(generator.uniform(-70, 70, (30, 2)).astype(np.float32))
    found = []
    for read in (by_torch, by_drjit):
        at = point.clone().requires_grad_()
        expected = MapLookup(maps, read).at(at)
        values = torch.cat(
            [torch.nan_to_num(expected.level), expected.length, expected.departure.flatten(1)], 1
        )
        (values * torch.linspace(-1, 1, values.shape[1])).sum().backward()
        found.append((values.detach(), at.grad))
    (values, slope), (same, same_slope) = found
    torch.testing.assert_close(same, values, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(same_slope, slope, rtol=1e-3, atol=1e-3)


def test_a_feature_weighs_as_much_as_it_is_reliable(place, maps):
    sequences = sequence_tensors(synthetic_reports(place, 8, 5), place.deployment)
    expected = MapLookup(maps, by_torch).at((sequences.target + 20).clamp(-60, 60))
    rough = dataclasses.replace(DEVIATIONS, timing_advance=1e6)
    both = [
        residuals.feature_residuals(expected, sequences, maps.site_of_cell, law)
        for law in (DEVIATIONS, rough)
    ]
    sums = [residuals.huber_sums(each)[0].sum() for each in both]
    timing = [each for each in both[0] if each.name == "timing_advance"]
    torch.testing.assert_close(sums[0] - sums[1], residuals.huber_sums(timing)[0].sum(), rtol=1e-4, atol=1e-4)
    assert sums[0] > sums[1]
