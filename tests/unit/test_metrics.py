"""Metrics against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from raylocus.errors import InputError
from raylocus.evaluation import metrics
from raylocus.evaluation.breakdown import heard_groups, sight_groups
from raylocus.evaluation.density import geometric_median, posterior_of
from raylocus.evaluation.evaluate import write_metrics
from raylocus.evaluation.evaluation import Truth, evaluation_of
from raylocus.evaluation.table import table_rows
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior

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
    ranks = metrics.region_ranks(answers, truth)
    for mass in metrics.REGIONS:
        limit = 4 * np.sqrt(mass * (1 - mass) / 1500)
        assert metrics.coverage(*ranks, mass) == pytest.approx(mass, abs=limit)


def test_a_posterior_that_is_too_narrow_is_found_out() -> None:
    answers, truth = drawn_from_itself(400, 1)
    sharper = posterior(answers.density.astype(float) ** 4)
    assert metrics.coverage(*metrics.region_ranks(sharper, truth), 0.9) < 0.75


@given(st.floats(0, 1))
def test_a_uniform_density_has_exactly_nominal_coverage(mass: float) -> None:
    flat = posterior(np.ones((3, *GRID.shape), np.float32))
    ranks = metrics.region_ranks(flat, np.zeros((3, 2)) + 1)
    assert metrics.coverage(*ranks, mass) == pytest.approx(mass, abs=1e-6)


def test_the_likelihood_of_a_uniform_density_is_the_log_of_its_area() -> None:
    flat = posterior(np.ones((1, *GRID.shape), np.float32))
    assert metrics.negative_log_likelihood(flat, np.array([[5.0, 5.0]]))[0] == pytest.approx(np.log(64.0**2))


def test_a_point_mass_is_right_or_costs_the_floor() -> None:
    density = np.zeros((2, *GRID.shape), np.float32)
    density[:, 3, 5] = 1
    here = GRID.centres[GRID.index(GRID.centres) == 3 * GRID.count + 5][0]
    answers, truth = posterior(density), np.array([here, -here])
    nll = metrics.negative_log_likelihood(answers, truth)
    assert nll[0] == pytest.approx(np.log(16.0))
    assert nll[1] == pytest.approx(-np.log(metrics.NLL_FLOOR / 64.0**2))
    denser, tied = metrics.region_ranks(answers, truth)
    assert metrics.coverage(denser[:1], tied[:1], 0.9) == pytest.approx(0.9)
    assert metrics.coverage(denser[1:], tied[1:], 0.9) == 0
    assert np.allclose(answers.mean[0], here)
    assert np.allclose(answers.covariance[0], np.eye(2) * 16 / 12, atol=1e-3)


def test_gaussian_likelihood_is_the_closed_form() -> None:
    fine = Grid(64.0, 0.5)
    squares = (fine.centres**2).sum(axis=1) / (2 * 5.0**2)
    answers = posterior_of(fine, (np.exp(-squares) / np.exp(-squares).sum()).reshape(1, *fine.shape))
    expected = -2 * norm.logpdf([3.25, -1.75], scale=5.0).sum() / 2
    assert metrics.negative_log_likelihood(answers, np.array([[3.25, -1.75]]))[0] == pytest.approx(
        expected, abs=0.01
    )


def test_a_truth_outside_the_tile_is_named() -> None:
    flat = posterior(np.ones((1, *GRID.shape), np.float32))
    with pytest.raises(InputError, match="outside the tile"):
        metrics.negative_log_likelihood(flat, np.array([[500.0, 0.0]]))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_nothing_is_nearer_to_a_density_than_its_geometric_median(points: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    where, weight = generator.normal(size=(points, 2)) * 50, generator.uniform(0.1, 1, points)
    median = geometric_median(where, weight, iterations=500)

    def expected_error(point: np.ndarray) -> float:
        return float(weight @ np.hypot(*(where - point).T))

    others = np.concatenate([where, median + generator.normal(size=(40, 2)) * 5])
    assert all(expected_error(median) <= expected_error(other) + 0.05 for other in others)


def test_summary_table_and_json_agree(tmp_path) -> None:
    answers, position = drawn_from_itself(50, 2)
    truth = Truth(position, np.arange(50) % 9 + 1, np.where(np.arange(50) % 3, 1.0, np.nan))
    one = evaluation_of("one", answers, truth, 0.0)
    write_metrics([one], tmp_path / "metrics.json", bound=one)
    written = json.loads((tmp_path / "metrics.json").read_text())["one"]
    assert written["p50"] == pytest.approx(np.median(np.hypot(*(answers.mean - position).T)))
    assert written["error_over_bound"] == 1.0
    keys = "p50 p67 p80 p90 p95 mean coverage_50 coverage_90 coverage_95 nll error_over_bound"
    assert set(written) == set(keys.split())
    assert table_rows([one])[0][-1] == "—"
    assert sum(group.members.sum() for group in heard_groups(truth)) == 50
    assert [group.label for group in sight_groups(truth)] == ["line of sight"]
