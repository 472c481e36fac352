"""Least squares on ranges, centroid, random forest, LocUNet: what they must give where the answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation_fixtures import SyntheticPlace, some_world, synthetic_place, synthetic_reports
from raylocus.errors import InputError, StoreError
from raylocus.evaluation.baselines.fingerprints import RandomForest
from raylocus.evaluation.baselines.least_squares import (
    MULTILATERATION,
    TIME_DIFFERENCES,
    RangeLeastSquares,
)
from raylocus.evaluation.baselines.locunet.method import LocUNetTraining, locunet_for
from raylocus.evaluation.baselines.locunet.network import CELLS, LocUNet, centre_of_mass, grey, place_pictures
from raylocus.evaluation.baselines.ranges import Ranges, level_ranges, ranges_of
from raylocus.evaluation.baselines.strongest_cell import WeightedCentroid
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.units import timing_advance_distance

TRUTH = np.array([[30.0, -45.0], [-70.0, 12.0]])


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(0, size=256.0)


@pytest.fixture(scope="module")
def maps(place: SyntheticPlace) -> NominalMaps:
    return nominal_maps(place)


@pytest.fixture(scope="module")
def reports(place: SyntheticPlace) -> Reports:
    return synthetic_reports(place, some_world(place, 1), 12, 1)


def exact_ranges(**known: float) -> Ranges:
    """What four sites measure without any error at two places; only the named kinds, with an offset of each."""
    site = np.array([[-90.0, -80], [95, -70], [80, 90], [-85, 75]])
    height, serving = np.full(4, 25.0), np.array([1, 3])
    distance = np.hypot(np.linalg.norm(TRUTH[:, None] - site, axis=-1), height)
    nothing = np.full(distance.shape, np.nan)
    exact = {
        "level": distance,
        "round_trip": distance,
        "difference": distance - distance[[0, 1], serving][:, None],
        "arrival": distance,
    }
    stated = {name: values + known[name] if name in known else nothing for name, values in exact.items()}
    return Ranges(**stated, serving=serving, site=site, height=height)


@pytest.mark.parametrize(
    ("measures", "known"),
    [
        (MULTILATERATION, {"round_trip": 0.0}),
        (MULTILATERATION, {"level": 0.0}),
        (TIME_DIFFERENCES, {"difference": 0.0}),
        (TIME_DIFFERENCES, {"arrival": 400.0}),
    ],
)
def test_exact_ranges_lead_to_the_truth(measures: tuple[str, ...], known: dict[str, float]) -> None:
    method = RangeLeastSquares("exact", measures, level_spread=0.01, timing_spread=0.5)
    found = method.solve(exact_ranges(**known), 256.0)
    np.testing.assert_allclose(found.position, TRUTH, atol=0.1)


def test_one_range_that_is_much_too_long_hardly_moves_a_robust_answer() -> None:
    ranges = exact_ranges(round_trip=0.0)
    ranges.round_trip[:, 0] += 30.0
    found = RangeLeastSquares("robust", MULTILATERATION, timing_spread=2.0).solve(ranges, 256.0)
    assert (np.linalg.norm(found.position - TRUTH, axis=1) < 4).all()


def test_the_covariance_is_that_of_the_errors() -> None:
    generator, spread = np.random.default_rng(0), 3.0
    method = RangeLeastSquares("ranges", MULTILATERATION, timing_spread=spread)
    exact, answers = exact_ranges(round_trip=0.0), []
    for _ in range(60):
        noisy = replace(exact, round_trip=exact.round_trip + spread * generator.standard_normal((2, 4)))
        answers.append(method.solve(noisy, 256.0))
    off = np.concatenate([one.position - TRUTH for one in answers])
    stated = np.mean([one.covariance for one in answers], axis=(0, 1))
    # Soft L1 gives far residuals less weight than a Gaussian would, so that the curvature says somewhat less.
    assert 0.45 < np.trace(off.T @ off / len(off)) / np.trace(stated) < 1.0


def test_a_levels_range_is_the_distance_at_which_the_formula_gives_the_level(maps: NominalMaps) -> None:
    away = maps.straight_length[0]
    cell = int(np.flatnonzero(maps.deployment.site_of_cell == 0)[0])
    gain = (maps.formula_level - maps.scattered_level)[cell]
    best = np.unravel_index(gain.argmax(), gain.shape)
    rsrp = np.full((1, len(maps.deployment.cells)), np.nan)
    rsrp[0, cell] = maps.formula_level[cell][best]
    assert level_ranges(rsrp, maps)[0, cell] == pytest.approx(away[best], rel=1e-3)


def test_the_timing_advance_is_the_range_of_the_serving_site(maps: NominalMaps, reports: Reports) -> None:
    ranges, observed = ranges_of(reports, maps), observations(reports, maps.deployment)
    step = timing_advance_distance(maps.deployment.carrier.numerology)
    stated = ranges.round_trip[np.arange(len(ranges)), ranges.serving]
    np.testing.assert_allclose(stated, observed.timing_advance[observed.last] * step)
    assert np.isfinite(ranges.round_trip).sum() == np.isfinite(stated).sum()
    assert np.isnan(ranges.difference).all() and np.isfinite(ranges.level).any()


def test_a_centroid_lies_among_the_sites_and_nearer_to_the_loud_ones(
    maps: NominalMaps, reports: Reports
) -> None:
    observed, deployment = observations(reports, maps.deployment), maps.deployment
    alike = replace(observed, rsrp=np.full_like(observed.rsrp, -80.0))
    found = WeightedCentroid("centroid", 10.0, 50.0).centroids(alike, deployment)
    site = deployment.site_positions[deployment.site_of_cell, :2]
    np.testing.assert_allclose(found, np.broadcast_to(site.mean(axis=0), found.shape))
    loud = alike.rsrp.copy()
    loud[:, 4] = -50.0
    found = WeightedCentroid("centroid", 10.0, 50.0).centroids(replace(alike, rsrp=loud), deployment)
    assert (np.linalg.norm(found - site[4], axis=1) < 3).all()


def test_a_forest_finds_its_own_fingerprints(maps: NominalMaps) -> None:
    outdoors = np.flatnonzero(maps.outdoor)[::97]
    level = maps.level.reshape(len(maps.level), -1)[:, outdoors].T.astype(float)
    weight = RandomForest("forest", noise_db=1.0, spread=4.0).weights(level, maps)
    np.testing.assert_allclose(weight.sum(axis=1), 1, atol=1e-9)
    assert not weight[:, maps.outdoor.ravel() == 0].any()
    off = np.linalg.norm(weight @ maps.tile.centres - maps.tile.centres[outdoors], axis=1)
    assert np.median(off) < 12


def test_every_peer_answers_on_open_ground_and_maps_help(place: SyntheticPlace, reports: Reports) -> None:
    training = [(reports, place)]
    methods = [
        WeightedCentroid.fit("centroid", training),
        RangeLeastSquares.fit("multilateration", MULTILATERATION, training),
        RandomForest.fit("forest", training),
    ]
    indoors, truth = nominal_maps(place).prior == 0, reports.position[reports.last_report, :2]
    errors = {}
    for method in methods:
        answers = method.locate(reports, place)
        np.testing.assert_allclose(answers.density.sum(axis=(1, 2)), 1, atol=1e-4)
        assert not answers.density[:, indoors].any()
        errors[method.name] = np.median(np.hypot(*(answers.mean - truth).T))
    assert errors["forest"] < errors["multilateration"] < errors["centroid"]


def test_locunet_is_as_large_as_the_published_one() -> None:
    with torch.device("meta"):
        weights = sum(weight.numel() for weight in LocUNet().parameters())
    assert weights == 22_332_381


def test_a_centre_of_mass_counts_negative_activations() -> None:
    heat = torch.zeros(2, 8, 16)
    heat[0, 5, 11] = 2.0
    heat[1, 2, 4], heat[1, 2, 8] = 2.0, -1.0
    np.testing.assert_allclose(centre_of_mass(heat), [[11.0, 5.0], [0.0, 2.0]], atol=1e-5)


def test_pictures_show_the_strongest_cells_where_they_stand(maps: NominalMaps) -> None:
    pictures = place_pictures(maps, 128)
    rsrp = np.full((1, len(maps.deployment.cells)), np.nan)
    rsrp[0, [7, 2]] = -70.0, -90.0
    planes = pictures.planes(rsrp)[0]
    assert planes.shape == (3 * CELLS + 1, 128, 128) and not planes[2:CELLS].any()
    assert torch.equal(planes[0], pictures.level[7]) and torch.equal(planes[1], pictures.level[2])
    assert torch.all(planes[CELLS] == grey(torch.tensor(-70.0)))
    (row, column), *others = (planes[2 * CELLS] == 1).nonzero().tolist()
    site = maps.deployment.site_positions[maps.deployment.cells[7].site, :2]
    pixel = (np.array([column, row]) + 0.5) * pictures.pixel - pictures.size / 2
    assert not others and np.abs(pixel - site).max() <= pictures.pixel
    with pytest.raises(InputError, match="multiple of 128 pixels"):
        place_pictures(maps, 100)


def test_locunet_is_trained_once_for_the_same_data_and_settings(
    place: SyntheticPlace, reports: Reports, tmp_path: Path
) -> None:
    file, lines = tmp_path / "locunet.pt", []
    settings = LocUNetTraining(sequences=2, side=128, batch=2, learning_rate=1e-4)
    some = reports.select(np.arange(2))
    first = locunet_for([(some, place)], "digest", file, settings, lines.append)
    trained = len(lines)
    again = locunet_for([(some, place)], "digest", file, settings, lines.append)
    assert trained == len(lines) == 1
    one, other = (each.locate(some, place) for each in (first, again))
    assert np.array_equal(one.density, other.density) and np.abs(one.mean).max() <= 128
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(StoreError, match="trained again"):
        locunet_for([(some, place)], "digest", file, settings, lines.append)
