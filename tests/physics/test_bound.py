"""The bound on places where the law of worlds is exactly known."""

from __future__ import annotations

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
from raylocus.evaluation.bound.hypotheses import class_shares, sample_speeds, sample_walks
from raylocus.evaluation.bound.residual_law import TABLE_SPAN, TABLE_STEP, ResidualLaw
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluate import evaluate, truth_of
from raylocus.evaluation.evaluation import evaluation_of
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.scenes.residual import student_from_gaussian
from raylocus.scenes.world import WorldLaw

WORLDS, SEQUENCES = 8, 6


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(9, size=192.0, sites=3)


def joined(answers: list[Posterior]) -> Posterior:
    names = ("density", "mean", "covariance")
    return Posterior(
        answers[0].grid, *(np.concatenate([getattr(one, name) for one in answers]) for name in names)
    )


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


def test_the_copula_has_the_correlation_of_the_law() -> None:
    """Two cells of one site and one of another, 20 m apart: the field's law, own levels and noise, by simulation."""
    law, generator, count = ResidualLaw.of(LAW, 1.5), np.random.default_rng(1), 20_000
    cell, site = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 1, 0, 0, 1])
    apart = np.where(np.arange(6)[:, None] // 3 == np.arange(6) // 3, 0.0, 20.0)
    shared = 0.2 + 0.5 * (site[:, None] == site) + 0.3 * (cell[:, None] == cell)
    field = generator.multivariate_normal(np.zeros(6), shared * np.exp(-apart / 40.0), count)
    own = 1.5 * generator.normal(size=(count, 3))[:, cell]
    deviation = (
        student_from_gaussian(field, LAW) + own + np.hypot(1.5, 12**-0.5) * generator.normal(size=(count, 6))
    )
    score, _ = law.scores(torch.from_numpy(deviation))
    expected = law.correlation(
        torch.from_numpy(apart)[None].float(), torch.from_numpy(cell), torch.from_numpy(site)
    )
    assert np.allclose(np.corrcoef(score.numpy().T), expected[0].numpy(), atol=0.05)


@pytest.mark.parametrize("severity", [0.2, 0.5, 1.0])
def test_the_margin_is_a_density(severity: float) -> None:
    law = ResidualLaw.of(WorldLaw(severity=severity), 1.5)
    score = law.score.numpy().astype(float)
    # The table leaves out 1 / √2π on both sides of the ratio.
    density = np.exp(law.log_ratio.numpy() - score**2 / 2)
    assert np.sum(density) * TABLE_STEP == pytest.approx(
        1 - 2 * t.cdf(-TABLE_SPAN / (11 * severity), 4.0), abs=2e-3
    )
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
    moving = np.tile([20.0, 1.0, 0.0], (len(start), 1))
    cells = walks.cells(start, np.full(len(start), 3.0), moving, generator)
    assert np.array_equal(cells[:, -1], start)
    gone = np.linalg.norm(place.tile.centres[cells[:, 1]] - place.tile.centres[start], axis=1)
    assert gone.max() <= 3.0 + 2 * 4.0 * np.sqrt(2) and gone.max() > 0


def test_speeds_follow_their_classes() -> None:
    speeds, _ = sample_speeds(MOBILITY, class_shares(MOBILITY), 1000, np.random.default_rng(0))
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
    bound = Bound(LAW, OBSERVATION, MOBILITY, synthetic_world_maps, worlds=24, hypotheses=400)
    grid = SequenceGridBayes("grid", LikelihoodModel(8.0, 6.0, 15.0), 0.15)
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
