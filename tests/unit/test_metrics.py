"""Metrics against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm

from model_fixtures import synthetic_place
from raylocus.errors import InputError
from raylocus.evaluation import evaluation
from raylocus.evaluation.breakdown import (
    Circumstances,
    Group,
    all_groups,
    heard_groups,
    quoted,
    sight_groups,
    table_rows,
)
from raylocus.evaluation.evaluation import Evaluation, Truth, evaluation_of
from raylocus.geo import Grid
from raylocus.models.density import estimate
from raylocus.models.inputs.maps import place_maps
from raylocus.models.posterior import Posterior, geometric_median, posterior_of

GRID = Grid(64.0, 4.0)


def posterior(density: np.ndarray) -> Posterior:
    return posterior_of(GRID, density / density.sum(axis=(1, 2), keepdims=True))


def drawn_from_itself(count: int, seed: int) -> tuple[Posterior, np.ndarray]:
    """Gaussian posteriors on the grid, and truths drawn from them."""
    generator = np.random.default_rng(seed)
    centre = generator.uniform(-15, 15, (count, 2))
    width = generator.uniform(3, 12, count)
    squares = ((GRID.centres[None] - centre[:, None]) ** 2).sum(axis=-1) / (2 * width[:, None] ** 2)
    density = np.exp(-squares).reshape(count, *GRID.shape).astype(np.float32)
    answers = posterior(density)
    masses = answers.density.reshape(count, -1).astype(float)
    cells = [generator.choice(masses.shape[1], p=row / row.sum()) for row in masses]
    return answers, GRID.centres[cells] + generator.uniform(-2, 2, (count, 2)) * 0.999


def test_a_posterior_covers_truths_drawn_from_it() -> None:
    answers, truth = drawn_from_itself(1500, 0)
    ranks = evaluation.region_ranks(answers, truth)
    for mass in evaluation.REGIONS:
        limit = 4 * np.sqrt(mass * (1 - mass) / 1500)
        assert evaluation.coverage(*ranks, mass) == pytest.approx(mass, abs=limit)


def test_a_posterior_that_is_too_narrow_is_found_out() -> None:
    answers, truth = drawn_from_itself(400, 1)
    sharper = posterior(answers.density.astype(float) ** 4)
    assert evaluation.coverage(*evaluation.region_ranks(sharper, truth), 0.9) < 0.75


@given(st.floats(0, 1))
def test_a_uniform_density_has_exactly_nominal_coverage(mass: float) -> None:
    flat = posterior(np.ones((3, *GRID.shape), np.float32))
    ranks = evaluation.region_ranks(flat, np.zeros((3, 2)) + 1)
    assert evaluation.coverage(*ranks, mass) == pytest.approx(mass, abs=1e-6)


def test_the_likelihood_of_a_uniform_density_is_the_log_of_its_area() -> None:
    flat = posterior(np.ones((1, *GRID.shape), np.float32))
    assert evaluation.negative_log_likelihood(flat, np.array([[5.0, 5.0]]))[0] == pytest.approx(
        np.log(64.0**2)
    )


def test_a_point_mass_is_right_or_costs_the_floor() -> None:
    density = np.zeros((2, *GRID.shape), np.float32)
    density[:, 3, 5] = 1
    here = GRID.centres[GRID.index(GRID.centres) == 3 * GRID.count + 5][0]
    answers, truth = posterior(density), np.array([here, -here])
    nll = evaluation.negative_log_likelihood(answers, truth)
    assert nll[0] == pytest.approx(np.log(16.0))
    assert nll[1] == pytest.approx(-np.log(evaluation.NLL_FLOOR / 64.0**2))
    denser, tied = evaluation.region_ranks(answers, truth)
    assert evaluation.coverage(denser[:1], tied[:1], 0.9) == pytest.approx(0.9)
    assert evaluation.coverage(denser[1:], tied[1:], 0.9) == 0
    assert np.allclose(answers.mean[0], here)
    assert np.allclose(answers.covariance[0], np.eye(2) * 16 / 12, atol=1e-3)


def test_gaussian_likelihood_is_the_closed_form() -> None:
    fine = Grid(64.0, 0.5)
    squares = (fine.centres**2).sum(axis=1) / (2 * 5.0**2)
    answers = posterior_of(fine, (np.exp(-squares) / np.exp(-squares).sum()).reshape(1, *fine.shape))
    expected = -2 * norm.logpdf([3.25, -1.75], scale=5.0).sum() / 2
    assert evaluation.negative_log_likelihood(answers, np.array([[3.25, -1.75]]))[0] == pytest.approx(
        expected, abs=0.01
    )


def test_a_truth_outside_the_tile_is_named() -> None:
    flat = posterior(np.ones((1, *GRID.shape), np.float32))
    with pytest.raises(InputError, match="outside the tile"):
        evaluation.negative_log_likelihood(flat, np.array([[500.0, 0.0]]))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_nothing_is_nearer_to_a_density_than_its_geometric_median(points: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    density = np.zeros((3, *GRID.shape), np.float32)
    where = generator.integers(0, GRID.count**2, (3, points))
    np.put_along_axis(density.reshape(3, -1), where, generator.uniform(0.1, 1, (3, points)), axis=1)
    medians = geometric_median(torch.from_numpy(density), GRID.size).numpy()
    for mass, median in zip(density.reshape(3, -1), medians, strict=True):

        def expected_error(point: np.ndarray, mass: np.ndarray = mass) -> float:
            return float(mass @ np.hypot(*(GRID.centres - point).T)) / float(mass.sum())

        others = np.concatenate([GRID.centres[mass > 0], median + generator.normal(size=(40, 2)) * 5])
        assert all(expected_error(median) <= expected_error(other) + 0.05 for other in others)


@pytest.mark.parametrize("weights", [(0.55, 0.45, 0.0), (0.48, 0.26, 0.26), (0.4, 0.35, 0.25)])
def test_model_and_classics_name_the_same_position_of_a_density(weights: tuple[float, float, float]) -> None:
    """Peaks of nearly the same weight, where the iteration is slow and an early stop is metres away."""
    place = synthetic_place(1, size=128.0, sites=2, beams=4)
    density = np.zeros((1, 32, 32), np.float32)
    density[0, 4, 4], density[0, 4, 28], density[0, 28, 16] = weights
    of_classic = posterior_of(place.tile, density).mean[0]
    of_model = estimate(torch.from_numpy(density), place_maps(place), "geometric_median")[0].numpy()
    np.testing.assert_array_equal(of_model.astype(np.float64), of_classic)

    def expected_error(point: np.ndarray) -> float:
        return float(density.ravel() @ np.hypot(*(place.tile.centres - point).T))

    exact = minimize(expected_error, of_classic, method="Nelder-Mead", options={"xatol": 1e-6}).x
    np.testing.assert_allclose(of_classic, exact, atol=0.2)


def test_a_summary_is_what_the_table_says() -> None:
    answers, position = drawn_from_itself(50, 2)
    truth = Truth(position, np.arange(50) % 9 + 1, np.where(np.arange(50) % 3, 1.0, np.nan))
    one = evaluation_of("one", answers, truth, 0.0)
    summary = one.summary(one)
    assert summary["p50"] == pytest.approx(np.median(np.hypot(*(answers.mean - position).T)))
    assert summary["error_over_bound"] == 1.0
    assert table_rows([one])[0][-1] == "—"
    assert table_rows([one], one)[0][1] == f"{summary['p50']:.1f}"
    assert sum(group.members.sum() for group in heard_groups(truth)) == 50
    assert [group.label for group in sight_groups(truth)] == ["line of sight"]


def scored(error: np.ndarray) -> Evaluation:
    zero = np.zeros(len(error))
    truth = Truth(np.zeros((len(error), 2)), np.full(len(error), 5), zero)
    return Evaluation("one", truth, error, zero, zero, zero, 0.0)


def test_intervals_cover_the_true_median_as_often_as_they_say() -> None:
    """Exponential errors of independent sequences: the median is ln 2."""
    generator = np.random.default_rng(5)
    everyone = Group("all", np.ones(80, bool))
    inside = []
    for _ in range(120):
        found = quoted([scored(generator.exponential(size=80))], everyone, np.zeros(80, int))["one"][50]
        inside.append(found.low <= np.log(2) <= found.high)
    assert 0.88 <= np.mean(inside) <= 1.0


def test_sequences_of_one_world_are_not_counted_as_so_many_worlds() -> None:
    """Ten worlds with an error each: resampling whole worlds gives the wider, honest interval."""
    error = np.repeat(np.random.default_rng(6).exponential(20, 10), 40)
    everyone = Group("all", np.ones(400, bool))
    of_worlds, of_sequences = (
        quoted([scored(error)], everyone, world)["one"][50]
        for world in (np.arange(400) // 40, np.arange(400))
    )
    assert of_worlds.high - of_worlds.low > 2 * (of_sequences.high - of_sequences.low)
    assert of_worlds.value == of_sequences.value == np.median(error)


def test_groups_are_by_place_style_severity_cells_and_sight() -> None:
    truth = Truth(np.zeros((4, 2)), np.array([1, 3, 3, 8]), np.array([1.0, 0, 1, np.nan]))
    circumstances = Circumstances(
        place=np.array(["a", "b", "b", "b"]),
        style=np.array(["old town", "", "", ""]),
        severity=np.array([0.5, 0.5, 1.0, 1.0]),
        world=np.array([0, 1, 1, 2]),
    )
    found = {
        name: [(group.label, int(group.members.sum())) for group in groups]
        for name, groups in all_groups(truth, circumstances).items()
    }
    assert found == {
        "place": [("a", 1), ("b", 3)],
        "city style": [("old town", 1)],
        "severity": [("0.5", 2), ("1", 2)],
        "cells heard": [("1–2 cells", 1), ("3–4 cells", 2), ("7 or more cells", 1)],
        "line of sight": [("line of sight", 2), ("no line of sight", 1)],
    }
