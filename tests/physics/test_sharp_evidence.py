import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_t
from test_evidence import noiseless

from model_fixtures import synthetic_place
from raylocus.models.evidence import gaussian as gaussian_module
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.evidence.sharp import SharpEvidence, pooled_and_detail
from raylocus.models.inputs.maps import place_maps


@pytest.fixture(scope="module")
def maps():
    return place_maps(synthetic_place(1, size=128.0, sites=3, beams=4))


@pytest.fixture(scope="module")
def rasters(maps):
    return evidence_rasters(maps)


def test_sharp_evidence_is_the_multivariate_t_of_levels_and_beams(maps, rasters, monkeypatch):
    monkeypatch.setattr(gaussian_module, "AT_ONCE", 200)
    pooled, evidence = noiseless(maps, 5, 7), SharpEvidence().double().requires_grad_(False)
    pooled = type(pooled)(**{name: value.double() for name, value in vars(pooled).items()})
    rasters = rasters.map_rasters(lambda each: each.double())
    maps = maps.map_rasters(lambda each: each.double())
    found = evidence(pooled, maps, rasters).log_likelihood[0, 0]
    cells, beams = pooled.beam.shape[2:]
    own, one_site = evidence.log_own.exp().tolist(), (maps.site_of_cell[:, None] == maps.site_of_cell).numpy()
    _, noise, offset = (evidence.log_beam.exp() ** 2).tolist()
    expected, freedom = [], float(evidence.log_freedom.exp())
    at = [(y, x) for y, x in ((3, 4), (10, 20), (30, 9)) if maps.sharp_covered[:, y, x].min() == 1]
    for y, x in at:
        levels = np.eye(cells) * own[0] ** 2 + one_site * float(evidence.log_site.exp()) ** 2
        levels = levels + float(evidence.log_common.exp()) ** 2
        of_beams = np.kron(np.eye(cells), noise * np.eye(beams) + offset)
        shape = np.block([
            [levels, np.zeros((cells, cells * beams))],
            [np.zeros((cells * beams, cells)), of_beams],
        ])  # fmt: skip
        off = torch.cat([pooled.level[0, 0] - maps.sharp_level[:, y, x],
                         (pooled.beam[0, 0] - maps.sharp_beams[:, :, 0, y, x]).flatten()])  # fmt: skip
        expected.append(multivariate_t(np.zeros(len(off)), shape, freedom).logpdf(off.numpy()))
    assert len(at) > 1
    values = np.array([float(found[y, x].detach()) for y, x in at])
    np.testing.assert_allclose(np.diff(values), np.diff(expected), atol=1e-6)


def test_errors_that_are_twice_as_large_have_four_times_the_scale(maps, rasters):
    pooled = noiseless(maps, 5, 7)
    off = torch.randn(pooled.level.shape, generator=torch.Generator().manual_seed(2))
    scales, evidence = [], SharpEvidence().requires_grad_(False)
    for factor in (20.0, 40.0):
        erring = type(pooled)(**{**vars(pooled), "level": pooled.level + factor * off})
        scales.append(evidence(erring, maps, rasters).log_scale.exp())
    assert scales[1] / scales[0] == pytest.approx(4.0, rel=0.2)
    assert evidence(pooled, maps, rasters).log_scale < scales[0].log() - 1


def test_what_is_pooled_and_what_is_left_are_the_whole(maps):
    sharp = 5 * torch.randn(2, *maps.sharp_outdoor.shape, generator=torch.Generator().manual_seed(1))
    whole, detail = pooled_and_detail(sharp, maps.log_sharp_outdoor, maps.log_outdoor)
    prior, side = maps.sharp_outdoor + 1e-4, len(maps.outdoor)
    mass = (prior * sharp.exp()).unflatten(2, (side, -1)).unflatten(1, (side, -1)).sum((2, 4)).flatten(1)
    torch.testing.assert_close(whole.flatten(1).softmax(1), mass / mass.sum(1, keepdim=True))
    mean = (prior * detail.exp()).unflatten(2, (side, -1)).unflatten(1, (side, -1)).mean((2, 4))
    torch.testing.assert_close(mean, (maps.outdoor + 1e-4).expand_as(mean))


def test_parts_of_a_coarse_cell_that_differ_are_distinguished(maps, rasters):
    """Two sharp cells of one coarse cell: the reports of either are likelier there than in the other."""
    spread = maps.sharp_level.unflatten(2, (-1, 2)).std(3).mean(0)
    row, column = divmod(int(spread.argmax()), spread.shape[1])
    found = []
    for x in (2 * column, 2 * column + 1):
        pooled = noiseless(maps, row // 2, column)
        levels = maps.sharp_level[None, None, :, row, x]
        quiet = {name: 0 * getattr(pooled, name) for name in ("beam_known", "beams_known")}
        pooled = type(pooled)(**{**vars(pooled), **quiet, "level": levels})
        evidence = SharpEvidence()(pooled, maps, rasters).log_likelihood[0, 0]
        found.append(evidence[row, 2 * column : 2 * column + 2].detach())
    assert found[0][0] > found[0][1] + 1
    assert found[1][1] > found[1][0] + 1


def test_ground_is_of_the_first_kind_that_applies_and_of_none_inside_buildings():
    place = synthetic_place(1, size=128.0, sites=3, beams=4)
    maps, (rows, columns) = place.geometry_maps, place.tile.shape
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    layers = {"road": x == 9, "water": y == 3, "vegetation": y > 20, "road_distance": 4.0 * abs(x - 9)}
    known = maps.assign({name: (("y", "x"), each.astype(np.float32)) for name, each in layers.items()})
    found = place_maps(dataclasses.replace(place, geometry_maps=known))
    water, road, roadside, vegetation = (each.numpy() > 0 for each in found.sharp_ground)
    outdoor = found.sharp_outdoor.numpy() > 0
    assert np.array_equal(water, outdoor & (y == 3))
    assert np.array_equal(road, outdoor & (y != 3) & (x == 9))
    assert np.array_equal(roadside, outdoor & (y != 3) & (abs(x - 9) == 1))
    assert np.array_equal(vegetation, outdoor & (y > 20) & (abs(x - 9) > 1))
    assert not place_maps(place).sharp_ground.any()
