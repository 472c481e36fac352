"""Parts of the classical methods against scipy and closed forms: masses, blurs, ranges, choices of parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.optimize import least_squares
from scipy.stats import multivariate_normal

from raylocus.evaluation.baselines.least_squares import (
    MULTILATERATION,
    TIME_DIFFERENCES,
    RangeLeastSquares,
    Residuals,
)
from raylocus.evaluation.baselines.masses import (
    CUT,
    blurred_masses,
    gaussian_masses,
    gaussian_matrix,
    masses,
)
from raylocus.evaluation.baselines.ranges import Ranges
from raylocus.evaluation.baselines.training import Example, climbed, likeliest, mean_score
from raylocus.evaluation.breakdown import INTERVAL, weighted_percentile, with_interval
from raylocus.evaluation.evaluation import Evaluation, Truth, horizontal_errors
from raylocus.evaluation.observations import Observations
from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.models.posterior import posterior_of
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.units import SPEED_OF_LIGHT

NAN = np.nan
SIDE = 16


def maps(built: np.ndarray | None = None) -> NominalMaps:
    """A flat place of one cell, outdoors but for what is built."""
    tile, plane = Grid(4.0 * SIDE, 4.0), ("y", "x")
    footprint = np.zeros(tile.shape) if built is None else built.astype(float)
    level = np.full((1, *tile.shape), -80.0, np.float32)
    return NominalMaps(
        tile=tile,
        deployment=Deployment((Carrier(),), (Site("one", (0.0, 0.0, 30.0)),), (Cell(1, 0, 0.0, 0.1),)),
        geometry_maps=xr.Dataset({"footprint": (plane, footprint), "terrain": (plane, 0 * footprint)}),
        radio_maps=xr.Dataset(
            {
                "rsrp": (("cell", *plane), level),
                "rsrp_beam": (("cell", "beam", *plane), np.repeat(level[:, None], 8, axis=1)),
                "toa": (("site", *plane), (level * 0 + 50.0) / SPEED_OF_LIGHT),
            }
        ),
        ue_height=1.5,
    )


@settings(max_examples=30)
@given(
    arrays(np.float32, (3, 9), elements=st.floats(-50, 50, width=32)),
    arrays(float, 9, elements=st.floats(0, 1)),
)
# Where the likelihood is highest, next to nobody is; where everybody is, it is as small as numbers are.
@example(np.repeat([[50.0] + 8 * [-50.0]], 3, axis=0).astype(np.float32), np.array(9 * [1e-38]))
def test_masses_are_bayes_and_do_not_depend_on_a_constant(log_density: np.ndarray, prior: np.ndarray) -> None:
    prior = np.append(prior[:-1], 1.0)
    prior /= prior.sum()
    found = masses(log_density, prior)
    by_hand = np.exp(log_density.astype(float) - log_density.max(axis=1, keepdims=True)) * prior
    assert np.allclose(found, by_hand / by_hand.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(masses(log_density + np.float32(7), prior), found, atol=1e-4)
    assert not found[:, prior == 0].any()


@given(st.floats(0.2, 6.0), st.integers(3, 40))
def test_a_blur_is_a_matrix_of_one_gaussian_shifted(spread: float, count: int) -> None:
    matrix = gaussian_matrix(torch.tensor(spread), count).numpy()
    away = np.subtract.outer(np.arange(count), np.arange(count))
    expected = np.where(np.abs(away) <= CUT * spread + 0.5, np.exp(-0.5 * (away / spread) ** 2), 0.0)
    ratio = matrix[expected > 0] / expected[expected > 0]
    assert np.allclose(ratio, ratio[0], rtol=1e-4) and not matrix[expected == 0].any()
    assert np.allclose(matrix, matrix.T) and (matrix.sum(axis=1) < 1 + 1e-5).all()


@settings(max_examples=20)
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(4, 20), st.floats(4, 20), st.floats(-0.8, 0.8))
def test_a_gaussian_is_scipys_cut_to_open_ground(
    x: float, y: float, wide: float, high: float, tilt: float
) -> None:
    built = np.zeros((SIDE, SIDE), bool)
    built[3:6, 8:12] = True
    place = maps(built)
    covariance = np.array([[wide**2, tilt * wide * high], [tilt * wide * high, high**2]])
    found = gaussian_masses(np.array([[x, y]]), covariance[None], place)[0]
    expected = multivariate_normal.pdf(place.tile.centres, [x, y], covariance) * ~built.ravel()
    assert np.allclose(found, expected / expected.sum(), atol=1e-5)


def test_a_blurred_point_is_a_gaussian_about_it() -> None:
    place = maps()
    weight = np.zeros((1, SIDE**2), np.float32)
    weight[0, 8 * SIDE + 8] = 1
    found = blurred_masses(weight, 6.0, place).reshape(SIDE, SIDE)
    expected = gaussian_filter(weight.reshape(SIDE, SIDE), 1.5, mode="constant", truncate=CUT)
    assert np.allclose(found, expected / expected.sum(), atol=1e-3)
    posterior = posterior_of(place.tile, found.reshape(1, -1))
    assert np.allclose(posterior.mean[0], place.tile.centres[8 * SIDE + 8], atol=0.5)


# Ranges.

SITES = np.array([[-150.0, -120.0], [160.0, -90.0], [10.0, 170.0], [-100.0, 140.0]])
HEIGHTS = np.array([25.0, 30.0, 20.0, 28.0])


def ranges(truth: np.ndarray, **changes: np.ndarray) -> Ranges:
    """Exact ranges of points, but for what is changed."""
    distance = np.hypot(np.linalg.norm(truth[:, None] - SITES, axis=2), HEIGHTS)
    serving = distance.argmin(axis=1)
    own = np.take_along_axis(distance, serving[:, None], axis=1)
    stated = {
        "level": distance,
        "round_trip": distance,
        "difference": distance - own,
        "arrival": distance + 77.0,
    }
    return Ranges(**(stated | changes), serving=serving, site=SITES, height=HEIGHTS)


TRUTHS = np.array([[0.0, 0.0], [60.0, -40.0], [-90.0, 20.0], [30.0, 110.0]])


@pytest.mark.parametrize("measure", ["round_trip", "difference", "arrival"])
def test_exact_ranges_lead_to_the_point(measure: str) -> None:
    method = RangeLeastSquares("exact", (measure,), timing_spread=0.05)
    found = method.solve(ranges(TRUTHS), 512.0)
    assert horizontal_errors(found.position, TRUTHS).max() < 0.1
    # The Gaussian about it is as narrow as the ranges are good.
    assert np.sqrt(found.covariance[:, 0, 0]).max() < 0.2


def test_a_common_error_of_all_levels_is_taken_off() -> None:
    method = RangeLeastSquares("levels", ("level",), level_spread=0.01)
    near = method.solve(ranges(TRUTHS), 512.0).position
    far = method.solve(ranges(TRUTHS, level=1.5 * ranges(TRUTHS).level), 512.0).position
    assert horizontal_errors(near, TRUTHS).max() < 3.0
    assert horizontal_errors(near, far).max() < 6.0


def test_a_late_path_moves_a_robust_solution_less_than_the_mean_would() -> None:
    late = ranges(TRUTHS).round_trip.copy()
    late[:, 3] += 300.0
    method = RangeLeastSquares("late", ("round_trip",), timing_spread=3.0)
    assert (
        horizontal_errors(method.solve(ranges(TRUTHS, round_trip=late), 512.0).position, TRUTHS).max() < 40.0
    )


@pytest.mark.parametrize("measures", [MULTILATERATION, TIME_DIFFERENCES])
def test_all_sequences_at_once_are_solved_as_scipy_solves_each(measures: tuple[str, ...]) -> None:
    """Of ranges with errors of 40 m no answer costs more, and where the points agree so do the covariances."""
    generator = np.random.default_rng(5)
    truth = generator.uniform(-150, 150, (25, 2))
    exact = ranges(truth)
    errors = {
        name: getattr(exact, name) + 40 * generator.standard_normal(exact.level.shape)
        for name in ("round_trip", "difference", "arrival")
    }
    errors["level"] = exact.level * 10 ** (0.3 * generator.standard_normal((25, 4)))
    noisy = replace(exact, **errors)
    method = RangeLeastSquares("noisy", measures, level_spread=0.5, timing_spread=20.0)
    found = method.solve(noisy, 512.0)
    for row, cost in enumerate(found.cost):
        own = {name: getattr(noisy, name)[row : row + 1] for name in (*errors, "serving")}
        one = Residuals(method, replace(noisy, **own), 512.0)
        value = partial(_values, one)
        peers = [least_squares(value, at[0], bounds=(-256, 256), loss="soft_l1") for at in one.starts()]
        best = min(peers, key=lambda each: float(each.cost))
        assert cost < best.cost + 1e-3
        if np.linalg.norm(best.x - found.position[row]) < 0.01:
            stated = np.linalg.inv(best.jac.T @ best.jac)
            assert np.allclose(found.covariance[row], stated, rtol=0.02, atol=0.02 * stated.max())


def _values(residuals: Residuals, point: np.ndarray) -> np.ndarray:
    return residuals(point[None])[0, :, 0]


def test_without_ranges_the_answer_is_the_whole_tile() -> None:
    unknown = np.full((4, 4), NAN)
    method = RangeLeastSquares("none", ("round_trip",))
    found = method.solve(ranges(TRUTHS, round_trip=unknown), 512.0)
    assert np.allclose(found.covariance, np.eye(2) * 256.0**2, rtol=0.01)


# Choices.


def example() -> Example:
    place = maps()
    observed = Observations(
        rsrp=np.array([[-80.0]]),
        rsrp_end=np.zeros((1, 1), int),
        beam_rsrp=np.full((1, 8), NAN),
        timing_advance=np.array([NAN]),
        serving=np.array([0]),
        time=np.zeros(1),
        report_offsets=np.array([0, 1]),
    )
    return Example(place, Reports.empty(), observed, np.array([5]))


@given(st.integers(1, 9), st.integers(0, 8), st.data())
def test_climbing_ends_at_the_peak_wherever_it_starts(count: int, peak: int, data: st.DataObject) -> None:
    peak, start = peak % count, data.draw(st.integers(0, count - 1))
    asked: list[int] = []

    def scores(candidate: int, number: int) -> np.ndarray:
        asked.append(candidate)
        return np.array([-abs(candidate - peak) - number], float)

    chosen = [EXAMPLE, EXAMPLE]
    assert climbed(range(count), start, scores, chosen) == peak == likeliest(range(count), scores, chosen)
    assert mean_score(peak, scores, chosen) == -0.5


EXAMPLE = example()


def test_a_score_is_the_log_of_the_density_at_the_truth() -> None:
    uniform = np.full((1, SIDE**2), 1 / SIDE**2)
    assert EXAMPLE.log_scores_of_masses(uniform)[0] == pytest.approx(-np.log(SIDE**2 * 16.0))
    assert EXAMPLE.log_scores(np.zeros((1, SIDE**2), np.float32))[0] == pytest.approx(-np.log(SIDE**2 * 16.0))
    # What a method rules out costs the floor and no more.
    elsewhere = np.zeros((1, SIDE**2))
    elsewhere[0, 0] = 1
    assert EXAMPLE.log_scores_of_masses(elsewhere)[0] == pytest.approx(np.log(1e-6 / SIDE**2 / 16.0))


# Percentiles and their intervals.


@settings(max_examples=30)
@given(
    arrays(float, st.integers(2, 12), elements=st.floats(0, 500)),
    st.integers(0, 10**6),
    st.sampled_from([50, 67, 90]),
)
def test_a_weighted_percentile_is_that_of_the_repeated_values(
    error: np.ndarray, seed: int, percent: int
) -> None:
    count = np.random.default_rng(seed).integers(0, 4, len(error))
    count[0] += 1
    found = weighted_percentile(error, count[None].astype(float), percent)[0]
    assert found == pytest.approx(np.percentile(np.repeat(error, count), percent), abs=1e-9)


def test_an_interval_holds_its_share_of_the_resamples() -> None:
    resampled = np.random.default_rng(0).normal(10, 2, 20_000)
    found = with_interval(10.0, resampled)
    assert np.mean((resampled >= found.low) & (resampled <= found.high)) == pytest.approx(INTERVAL, abs=1e-3)
    assert str(found).startswith("10.0 (")


def test_an_evaluation_is_cut_and_joined_with_its_time() -> None:
    random = np.random.default_rng(1)
    truth = Truth(random.normal(size=(6, 2)), np.arange(6), np.array([1.0, 0, NAN, 1, 1, 0]))
    whole = Evaluation("method", truth, *random.random((4, 6)), seconds=3.0)
    first = np.arange(6) < 2
    parts = [whole.select(first), whole.select(~first)]
    assert [part.seconds for part in parts] == pytest.approx([1.0, 2.0])
    joined = Evaluation.concatenate(parts)
    assert np.array_equal(joined.error, whole.error) and joined.seconds == pytest.approx(3.0)
    assert np.array_equal(joined.truth.line_of_sight, truth.line_of_sight, equal_nan=True)
