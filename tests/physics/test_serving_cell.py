"""Delay spread and CQI of the serving cell against closed forms."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from scipy.stats import t as student

from model_fixtures import reported_features, synthetic_place
from raylocus.models.evidence import serving_cell
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.likelihoods import FREEDOM
from raylocus.models.evidence.positioning import Observation
from raylocus.models.evidence.serving_cell import (
    INDICES,
    index_shares,
    quality_evidence,
    serving_cell_evidence,
    spread_evidence,
)
from raylocus.models.inputs.delay_spread import SHORTEST_SPREAD, log_delay_spread
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.models.inputs.tensors import OBSERVED


def spread_map(place):
    """Delay spreads that grow with the distance from each site, dark to the west of it [s]."""
    along = np.hypot(*np.moveaxis(nominal_maps(place).straight_line[..., :2], -1, 0))
    west = nominal_maps(place).straight_line[..., 0] < -30
    return np.where(west, np.nan, along * 1e-9)


@pytest.fixture(scope="module")
def place():
    found = synthetic_place(1, size=128.0, sites=3, beams=4)
    layer = (("site", "y", "x"), spread_map(found))
    found.__dict__["radio_maps"] = found.radio_maps.assign(delay_spread=layer)
    return found


@pytest.fixture(scope="module")
def maps(place):
    return place_maps(place)


def evidence_of(maps, weights=None, age=(0.0,), **features):
    reports = reported_features(maps, age, **features)
    return serving_cell_evidence(reports, torch.ones(1, 1, len(age)) if weights is None else weights, maps)


def of_cell(maps, cell, value):
    """A feature that one cell alone has."""
    found = torch.full((len(maps.site_of_cell),), torch.nan)
    found[cell] = value
    return found


def test_spreads_are_student_t_in_the_logarithm_and_any_links_where_the_map_has_no_path(maps):
    cell, spread = 4, 80e-9
    found = evidence_of(maps, delay_spread=of_cell(maps, cell, spread))[0, 0]
    mapped = maps.log_delay_spread[maps.site_of_cell[cell]].numpy()
    dark = np.isnan(mapped)
    assert 0.05 < dark.mean() < 0.95
    value = math.log(spread / SHORTEST_SPREAD + 1)
    law = [
        student.logpdf(value, FREEDOM, mapped, serving_cell.SPREAD_SCALE),
        student.logpdf(value, FREEDOM, serving_cell.UNMAPPED_LOG_SPREAD, serving_cell.UNMAPPED_SCALE),
    ]
    expected = serving_cell.SPREAD_WEIGHT * np.where(dark, law[1], law[0])
    difference = found.numpy() - expected
    np.testing.assert_allclose(difference, difference[0, 0], atol=1e-4)


def test_a_spread_says_nothing_where_the_map_knows_none(maps):
    dark = dataclasses.replace(maps, log_delay_spread=torch.full_like(maps.log_delay_spread, torch.nan))
    found = evidence_of(dark, delay_spread=of_cell(maps, 2, 1e-7))
    assert torch.isfinite(found).all() and len(found.unique()) == 1


def test_the_mapped_spread_of_a_coarse_cell_is_the_mean_of_the_ground_that_has_one(place, maps):
    native = np.log1p(spread_map(place) / SHORTEST_SPREAD)
    factor = native.shape[-1] // maps.log_delay_spread.shape[-1]
    blocks = native.reshape(*maps.log_delay_spread.shape[:2], factor, -1, factor).swapaxes(2, 3)
    lit = np.isfinite(blocks).any((-2, -1))
    assert np.isfinite(blocks).any((-2, -1)).sum() > np.isfinite(blocks).all((-2, -1)).sum()
    np.testing.assert_array_equal(torch.isfinite(maps.log_delay_spread).numpy(), lit)
    expected = np.nanmean(blocks[lit], axis=(-2, -1))
    np.testing.assert_allclose(maps.log_delay_spread.numpy()[lit], expected, rtol=1e-5)


def test_cqi_is_the_probability_that_the_sinr_lies_between_two_thresholds(maps):
    found = []
    for index in range(INDICES):
        shares = index_shares(of_cell(maps, 3, index)[None, None])
        found.append(quality_evidence(shares, maps.sinr, maps.cqi_sinr)[0, 0].double().numpy())
    edges = np.concatenate([[-np.inf], maps.cqi_sinr[3].numpy(), [np.inf]])
    offset, deviation = serving_cell.QUALITY_OFFSET, serving_cell.QUALITY_DEVIATION
    below = norm.cdf((edges[:, None, None] - maps.sinr[3].double().numpy() - offset) / deviation)
    share = serving_cell.QUALITY_OUTLIERS
    expected = np.log((1 - share) * np.diff(below, axis=0) + share / INDICES)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(np.exp(found).sum(0), 1, atol=1e-4)


def test_a_cqi_counts_where_the_sinr_of_its_report_is_not_known(maps):
    reports = reported_features(maps, (1.0, 0.0), cqi=of_cell(maps, 0, 4.0))
    weights = torch.tensor([[[0.25, 0.75]]])
    found = serving_cell_evidence(reports, weights, maps)
    observed = reports.observed.clone()
    observed[:, 1, 0, OBSERVED.index("sinr")] = 2.0
    left = serving_cell_evidence(dataclasses.replace(reports, observed=observed), weights, maps)
    assert float(found.std()) > 0.01
    torch.testing.assert_close(left, found / 4)


def test_without_these_features_nothing_is_added(maps):
    nothing = reported_features(maps, ul_aoa=of_cell(maps, 0, 40.0))
    found = serving_cell_evidence(nothing, torch.ones(1, 2, 1), maps)
    assert found.shape == (1, 2, 1, 1) and not found.any()
    never = of_cell(maps, 0, torch.nan)
    assert not evidence_of(maps, delay_spread=never, cqi=never).any()


def test_reports_count_by_their_weight(maps):
    spread = torch.stack([of_cell(maps, 1, 30e-9), of_cell(maps, 1, torch.nan)])
    weights = torch.tensor([[[0.3, 0.7]]])
    whole, part = (evidence_of(maps, each, (1.0, 0.0), delay_spread=spread) for each in (None, weights))
    torch.testing.assert_close(part, 0.3 * whole)
    index = torch.stack([of_cell(maps, 1, 3.0), of_cell(maps, 1, 12.0)])
    both = evidence_of(maps, weights, (1.0, 0.0), cqi=index)
    low, high = (evidence_of(maps, cqi=each) for each in index)
    torch.testing.assert_close(both, 0.3 * low + 0.7 * high)


def test_cells_may_come_in_any_order(maps):
    order = CellOrder(torch.randperm(len(maps.site_of_cell), generator=torch.Generator().manual_seed(3)))
    reports = reported_features(maps, delay_spread=of_cell(maps, 5, 40e-9), cqi=of_cell(maps, 5, 7.0))
    other = dataclasses.replace(maps, cqi_sinr=maps.cqi_sinr + torch.arange(len(order.order))[:, None])
    weights = torch.ones(1, 1, 1)
    found = serving_cell_evidence(reports, weights, other)
    moved = serving_cell_evidence(order.sequences(reports), weights, order.place(other))
    assert float(found.std()) > 0.01
    torch.testing.assert_close(moved, found)


def test_gradients_reach_the_weights_of_reports_and_are_finite_where_there_is_no_path(maps):
    weights = torch.tensor([[[1e-20, 1.0]]], requires_grad=True)
    features = {"delay_spread": of_cell(maps, 0, 60e-9), "cqi": of_cell(maps, 0, 15.0)}
    evidence_of(maps, weights, (9.0, 0.0), **features)[..., 3, 4].sum().backward()
    assert torch.isfinite(weights.grad).all() and weights.grad.any()
    value = torch.tensor([[[0.7]]], requires_grad=True)
    dark = torch.full((1, 2, 2), torch.nan)
    spread_evidence(
        Observation(value, torch.ones(1, 1, 1)), dark, torch.zeros(1, dtype=torch.long)
    ).sum().backward()
    assert torch.isfinite(value.grad).all()


def test_spreads_below_the_resolution_are_alike():
    short, long = torch.tensor([0.0, 1e-9]), torch.tensor([1e-7, 2e-7])
    assert float(log_delay_spread(short).diff()) < 0.1
    assert float(log_delay_spread(long).diff()) == pytest.approx(math.log(2), abs=0.06)
