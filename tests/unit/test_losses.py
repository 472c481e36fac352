import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.losses import local_mean, lookup, physics_loss, soft_target
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
        resolution=resolution,
        size=maps.size,
    )


@pytest.fixture(scope="module")
def place():
    return synthetic_place(1, size=128.0, sites=2, beams=4)


@pytest.fixture(scope="module")
def maps(place):
    return place_maps(place)


def test_the_lookup_is_bilinear(generator):
    level = generator.normal(size=(3, 32, 32)).astype(np.float32)
    point = generator.uniform(-60, 60, (20, 2)).astype(np.float32)
    found = lookup(torch.from_numpy(level), torch.from_numpy(point), 128.0).numpy()
    column, row = ((point + 64) / 4 - 0.5).T
    expected = np.stack(
        [map_coordinates(layer, [row, column], order=1, mode="nearest") for layer in level], -1
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_lookup_next_to_a_dark_cell_is_missing():
    level = torch.zeros(1, 16, 16)
    level[0, 5, 5] = torch.nan
    centre = (5 + 0.5) * 4 - 32
    found = lookup(level, torch.tensor([[centre + 1.0, centre], [centre + 5.0, centre]]), 64.0)
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
