"""The bound on places where the law of worlds is exactly known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm, t

from evaluation_fixtures import (
    LAW,
    MOBILITY,
    OBSERVATION,
    SyntheticPlace,
    some_world,
    synthetic_place,
    synthetic_reports,
    synthetic_world_maps,
)
from raylocus.evaluation.baselines.grid_bayes import SequenceGridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel
from raylocus.evaluation.bound.bound import Bound
from raylocus.evaluation.bound.ensemble import sample_ensemble
from raylocus.evaluation.bound.hypotheses import sample_speeds, sample_walks
from raylocus.evaluation.bound.residual_law import TABLE_SPAN, TABLE_STEP, ResidualLaw
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluate import evaluate, truth_of
from raylocus.evaluation.evaluation import evaluation_of
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.scenes.world import WorldLaw

WORLDS, SEQUENCES = 4, 12


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices gain nothing from threads, which wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(9, size=192.0, sites=3)


def joined(answers: list[Posterior]) -> Posterior:
    names = ("density", "mean", "covariance")
    return Posterior(answers[0].grid, *(np.concatenate([getattr(one, name) for one in answers]) for name in names))


def test_scores_of_the_margin_are_standard_gaussian() -> None:
    law = ResidualLaw.of(LAW, 1.5)
    generator = np.random.default_rng(0)
    residual = 0.5 * 11.0 * t.rvs(4.0, size=4000, random_state=generator)
    deviation = (
        residual
        + 0.5 * 3.0 * generator.normal(size=4000)
        + np.hypot(1.5, 12**-0.5) * generator.normal(size=4000)
    )
    score, _ = law.scores(torch.from_numpy(deviation))
    assert kstest(score.numpy(), "norm").pvalue > 0.01


@pytest.mark.parametrize("severity", [0.2, 0.5, 1.0])
def test_the_margin_is_a_density(severity: float) -> None:
    law = ResidualLaw.of(WorldLaw(severity=severity), 1.5)
    score = law.score.numpy().astype(float)
    # The table leaves out 1 / √2π on both sides of the ratio.
    density = np.exp(law.log_ratio.numpy() - score**2 / 2)
    assert np.sum(density) * TABLE_STEP == pytest.approx(1 - 2 * t.cdf(-TABLE_SPAN / (11 * severity), 4.0), abs=2e-3)
    # The slope of the score is the density over the score's own: dz/dq = f(q) / φ(z).
    middle = np.abs(score) < 3
    slope = np.gradient(score, TABLE_STEP)[middle]
    assert np.allclose(slope, (density / norm.pdf(score))[middle], rtol=0.02, atol=1e-3)


def test_without_a_residual_the_margin_is_the_noise() -> None:
    law = ResidualLaw.of(WorldLaw(severity=0.0), 1.5)
    score, _ = law.scores(torch.tensor([0.0, 3.0]))
    assert np.allclose(score.numpy(), [0.0, 3.0 / np.hypot(1.5, 12**-0.5)], atol=0.02)


def test_walks_start_at_every_open_cell_and_stay_outdoors(place: SyntheticPlace) -> None:
    walks = sample_walks(place, MOBILITY, np.random.default_rng(0))
    outdoors = place.geometry_maps["footprint"].values.ravel() == 0
    assert outdoors[walks.path].all()
    assert np.array_equal(np.diff(walks.first) > 0, outdoors)
    generator = np.random.default_rng(1)
    start = np.flatnonzero(outdoors)[::50]
    cells = walks.cells(start, np.full(len(start), 3.0), np.array([20.0, 1.0, 0.0]), generator)
    assert np.array_equal(cells[:, -1], start)
    gone = np.linalg.norm(place.tile.centres[cells[:, 1]] - place.tile.centres[start], axis=1)
    assert gone.max() <= 3.0 + 2 * 4.0 * np.sqrt(2) and gone.max() > 0


def test_speeds_follow_their_classes() -> None:
    speeds = sample_speeds(MOBILITY, 1000, np.random.default_rng(0))
    assert (speeds == 0).mean() == pytest.approx(0.2, abs=0.002)
    assert speeds.max() <= 14.0


def test_the_ensemble_leaves_out_what_is_integrated(place: SyntheticPlace) -> None:
    quiet = replace(LAW, azimuth_error=0.0, downtilt_error=0.0)
    ensemble = sample_ensemble(place, quiet, synthetic_world_maps, 3, np.random.default_rng(0))
    nominal = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)
    assert np.allclose(ensemble.rsrp[..., 2].numpy(), nominal, atol=1e-3)


@pytest.fixture(scope="module")
def answers(place: SyntheticPlace) -> dict[str, tuple]:
    """Bound, grid-Bayes and true maps on sequences of a few worlds."""
    bound = Bound(LAW, OBSERVATION, MOBILITY, synthetic_world_maps, worlds=12, hypotheses=300)
    grid = SequenceGridBayes("grid", LikelihoodModel(8.0, 6.0, -140.0, 15.0), 0.15)
    worlds = [some_world(place, 700 + index) for index in range(WORLDS)]
    parts = [synthetic_reports(place, world, SEQUENCES, index) for index, world in enumerate(worlds)]
    true = [
        TrueMaps(synthetic_world_maps(place, world), OBSERVATION).locate(part, place)
        for world, part in zip(worlds, parts, strict=True)
    ]
    everything = Reports.concatenate(parts)
    truth = truth_of(everything, place)
    return {
        "bound": evaluate(bound, everything, place).evaluation,
        "grid": evaluate(grid, everything, place).evaluation,
        "true maps": evaluation_of("true maps", joined(true), truth, 0.0),
    }


def test_the_bound_is_calibrated_where_it_knows_the_law(answers: dict) -> None:
    # Sequences of one world share its errors, so the limits are wider than binomial.
    assert answers["bound"].coverage(0.5) == pytest.approx(0.5, abs=0.2)
    assert 0.78 <= answers["bound"].coverage(0.9) <= 1.0


def test_nobody_beats_the_bound_but_who_has_the_true_maps(answers: dict) -> None:
    assert answers["bound"].percentile(50.0) < answers["grid"].percentile(50.0)
    assert answers["bound"].negative_log_likelihood.mean() < answers["grid"].negative_log_likelihood.mean()
    assert answers["true maps"].percentile(50.0) < answers["bound"].percentile(50.0)


def test_the_same_seed_gives_the_same_answer(place: SyntheticPlace) -> None:
    reports = synthetic_reports(place, some_world(place, 3), 3, 3)
    bound = Bound(LAW, OBSERVATION, MOBILITY, synthetic_world_maps, worlds=2, hypotheses=50)
    first, second = (bound.locate(reports, place).density for _ in range(2))
    assert np.array_equal(first, second)
    assert np.isfinite(first).all()
    assert len(observations(reports, place.deployment)) == len(first)
