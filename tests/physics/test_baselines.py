"""Baselines against exact answers on small examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from evaluation_fixtures import SyntheticPlace, some_world, synthetic_place, synthetic_reports
from raylocus.errors import InputError, PlaceError
from raylocus.evaluation.baselines.forward_filter import forward_filter
from raylocus.evaluation.baselines.grid_bayes import GridBayes, SequenceGridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel, log_likelihood, masses
from raylocus.evaluation.baselines.nearest_neighbours import NearestNeighbours
from raylocus.evaluation.baselines.nominal_maps import NominalMaps, nominal_maps
from raylocus.evaluation.baselines.strongest_cell import StrongestCell
from raylocus.evaluation.baselines.timing_advance import TimingAdvance
from raylocus.evaluation.density import outdoor_prior
from raylocus.evaluation.observations import Observations, observations
from raylocus.geo import Grid
from raylocus.network.reports import Reports
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.units import timing_advance_distance

NAN = np.nan


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(0, size=256.0)


@pytest.fixture(scope="module")
def reports(place: SyntheticPlace) -> Reports:
    return synthetic_reports(place, some_world(place, 1), 20, 1)


def one_report(rsrp: list[float], advance: float = NAN, serving: int = 0) -> Observations:
    return Observations(
        rsrp=np.array([rsrp]),
        beam_rsrp=np.full((1, 8), NAN),
        timing_advance=np.array([advance]),
        serving=np.array([serving]),
        time=np.zeros(1),
        report_offsets=np.array([0, 1]),
    )


def two_cell_maps() -> NominalMaps:
    """Four ground cells, the last one indoors."""
    return NominalMaps(
        grid=Grid(8.0, 4.0),
        rsrp=np.array([[-80.0, -90, -85, -80], [-95.0, -85, NAN, -95]], np.float32),
        beam_rsrp=np.zeros((2, 8, 4), np.float32),
        path_length=np.array([[40.0, 80, 120, 40], [90.0, 50, 70, 90]], np.float32),
        prior=np.array([0.25, 0.5, 0.25, 0.0], np.float32),
        timing_step=39.0,
    )


@given(st.floats(2, 15), st.floats(0, 30), st.floats(-100, -70), st.floats(-100, -70), st.booleans())
def test_grid_bayes_is_bayes_by_hand(
    spread: float, common: float, first: float, second: float, timed: bool
) -> None:
    maps, model = two_cell_maps(), LikelihoodModel(spread, common, -110.0, 20.0)
    levels = np.where(np.isnan(maps.rsrp), -110.0, maps.rsrp).astype(float)
    covariance = spread**2 * np.eye(2) + common**2
    by_hand = np.array(
        [multivariate_normal.pdf([first, second], levels[:, ground], covariance) for ground in range(4)]
    )
    if timed:
        by_hand *= np.exp(-((2 * 39.0 - maps.path_length[0]) ** 2) / (2 * 20.0**2))
    by_hand *= maps.prior
    observed = one_report([first, second], 2.0 if timed else NAN)
    found = masses(log_likelihood(observed, np.array([0]), maps, model), maps.prior)[0]
    assert np.allclose(found, by_hand / by_hand.sum(), atol=2e-3)


@given(st.floats(-40, 40))
def test_a_free_level_makes_a_common_offset_harmless(offset: float) -> None:
    maps, model = two_cell_maps(), LikelihoodModel(6.0, 1e4, -110.0, 20.0)
    plain, moved = (
        masses(log_likelihood(one_report([-80 + shift, -90 + shift]), np.array([0]), maps, model), maps.prior)
        for shift in (0.0, offset)
    )
    assert np.allclose(plain, moved, atol=5e-3)


def test_a_cell_that_is_not_reported_says_nothing() -> None:
    maps, model = two_cell_maps(), LikelihoodModel(6.0, 0.0, -110.0, 20.0)
    other = replace(maps, rsrp=maps.rsrp + np.array([[0.0], [33.0]], np.float32))
    one = one_report([-80.0, NAN])
    first, second = (log_likelihood(one, np.array([0]), each, model) for each in (maps, other))
    assert np.array_equal(first, second)


def test_beams_are_compared_by_their_differences() -> None:
    maps = replace(two_cell_maps(), beam_rsrp=np.zeros((2, 3, 4), np.float32))
    maps.beam_rsrp[0, :, 1] = [-4, 0, 4]
    level = np.array([[-84.0, NAN, -76.0]])
    observed = replace(one_report([NAN, NAN]), beam_rsrp=level + 17.0)
    found = log_likelihood(observed, np.array([0]), maps, LikelihoodModel(6.0, 0.0, -110.0, 20.0, 4.0))[0]
    assert found[1] == pytest.approx(0, abs=1e-5)
    # Deviations of ∓4 dB about their mean at a spread of 4 dB: −½ · 32 / 16.
    assert found[0] == pytest.approx(-1.0, abs=1e-5)


def test_without_noise_the_nearest_neighbour_is_the_truth(place: SyntheticPlace) -> None:
    maps = nominal_maps(place)
    outdoors = np.flatnonzero(maps.prior > 0)[::37]
    method = NearestNeighbours("kNN", neighbours=1, floor_dbm=-130.0, spread=4.0)
    density, found = method.density(maps.rsrp[:, outdoors].T, maps)
    assert np.array_equal(found[:, 0], outdoors)
    assert np.allclose(density.sum(axis=1), 1, atol=1e-5)


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 2), st.integers(0, 7))
def test_timing_advance_is_a_ring_along_the_beam(steps: int, beam: int) -> None:
    built = synthetic_place(0, size=512.0, sites=1)
    place = replace(
        built, geometry_maps=built.geometry_maps.assign(footprint=built.geometry_maps["footprint"] * 0)
    )
    step = timing_advance_distance(place.deployment.carrier.numerology)
    observed = one_report([-80.0, NAN, NAN], float(steps))
    observed.beam_rsrp[0, beam] = -80.0
    density = TimingAdvance("TA", 0.0, 8.0, 300.0, 100.0).density(observed, np.array([0]), place)[0]
    peak = place.tile.centres[density.argmax()]
    away = peak - place.deployment.site_positions[0, :2]
    assert np.linalg.norm([*away, 26.5]) == pytest.approx(steps * step, abs=8)
    expected = place.deployment.cells[0].azimuth + beam_azimuths(place.deployment.cells[0].array)[beam]
    off = np.angle(np.exp(1j * (np.arctan2(away[1], away[0]) - expected)))
    assert abs(off) < 6.0 / np.hypot(*away)


def test_a_sector_lies_on_the_side_it_points_to(place: SyntheticPlace) -> None:
    method = StrongestCell("sector", reach=40.0, spread=25.0)
    centres = method.centres(place.deployment)
    for cell, centre in zip(place.deployment.cells, centres, strict=True):
        site = place.deployment.site_positions[cell.site, :2]
        assert np.allclose(centre - site, 40 * np.array([np.cos(cell.azimuth), np.sin(cell.azimuth)]))


def test_a_filter_without_movement_multiplies_likelihoods() -> None:
    grid, prior = Grid(40.0, 4.0), np.full(100, 0.01, np.float32)
    levels = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    found = forward_filter(levels, np.zeros(3), prior, grid, 0.5)
    expected = np.exp(0.5 * levels.sum(axis=0))
    assert np.allclose(found, expected / expected.sum(), atol=1e-6)


def test_a_filter_forgets_where_the_ue_was_long_ago() -> None:
    grid, prior = Grid(40.0, 4.0), np.full(100, 0.01, np.float32)
    levels = np.zeros((2, 100), np.float32)
    levels[0, 5] = 8.0
    near, far = (forward_filter(levels, np.array([0.0, gap]), prior, grid, 1.0)[5] for gap in (0.1, 30.0))
    assert far < 0.6 * near


def test_every_method_answers_on_open_ground(place: SyntheticPlace, reports: Reports) -> None:
    training = [(reports, place)]
    single = GridBayes.fit("grid", training)
    methods = [
        StrongestCell.fit("site", training, reaches=(0.0,)),
        TimingAdvance.fit("TA", training),
        NearestNeighbours.fit("kNN", training),
        single,
        SequenceGridBayes.fit("sequence", single, training),
    ]
    indoors = outdoor_prior(place) == 0
    errors = {}
    for method in methods:
        answers = method.locate(reports, place)
        assert np.allclose(answers.density.sum(axis=(1, 2)), 1, atol=1e-4)
        assert not answers.density[:, indoors].any()
        truth = reports.position[reports.last_report, :2]
        errors[method.name] = np.median(np.hypot(*(answers.mean - truth).T))
    assert errors["grid"] < errors["TA"] < errors["site"]


def test_the_truth_is_not_looked_at(place: SyntheticPlace, reports: Reports) -> None:
    blind = replace(
        reports, position=np.full_like(reports.position, NAN), line_of_sight=reports.line_of_sight * NAN
    )
    method = GridBayes("grid", LikelihoodModel(8.0, 6.0, -140.0, 15.0))
    assert np.array_equal(method.locate(reports, place).density, method.locate(blind, place).density)


def test_observations_gather_every_token_once(place: SyntheticPlace, reports: Reports) -> None:
    dense = observations(reports, place.deployment)
    whole = reports.beam < 0
    assert np.isfinite(dense.rsrp).sum() == np.isfinite(reports.features[whole, 0]).sum()
    assert np.isfinite(dense.beam_rsrp).sum() == np.isfinite(reports.features[~whole, 3]).sum()
    assert np.array_equal(dense.heard, reports.heard_cells)


def test_foreign_cells_and_missing_training_are_named(place: SyntheticPlace, reports: Reports) -> None:
    with pytest.raises(PlaceError, match="PCI 999"):
        observations(replace(reports, pci=np.full_like(reports.pci, 999)), place.deployment)
    with pytest.raises(InputError, match="training"):
        GridBayes.fit("grid", [])
