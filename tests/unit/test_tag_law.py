"""The law of pairs of reports: fitted to pairs of tags it distinguishes reports of one place from others."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from raylocus.models.area.tag_law import PairLaw, pairs_of

NUGGET, RISE, REACH = 16.0, 400.0, 0.2


def tags(generator: np.random.Generator, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Levels of eight cells over a square, by the law itself, with a level of each report's own; and positions."""
    position = generator.uniform(0, 1.5, (count, 2))
    distance = np.hypot(*(position[:, None] - position).transpose(2, 0, 1))
    factor = np.linalg.cholesky(RISE / 2 * np.exp(-distance / REACH) + 1e-6 * np.eye(count))
    levels = -90 + factor @ generator.standard_normal((count, 8))
    own = np.sqrt(NUGGET / 2) * generator.standard_normal((count, 8)) + generator.normal(0, 10, (count, 1))
    return np.where(generator.random((count, 8)) < 0.8, levels + own, np.nan), position


def test_levels_differ_by_what_the_distance_says() -> None:
    law = PairLaw.fitted(*tags(np.random.default_rng(0)), np.random.default_rng(1))
    for distance in (0.1, 1.5):
        found, truth = (
            nugget + rise * (1 - np.exp(-distance / reach))
            for nugget, rise, reach in ((law.nugget, law.rise, law.reach), (NUGGET, RISE, REACH))
        )
        assert found == pytest.approx(truth, rel=0.3)


def test_near_pairs_are_likelier_near_and_far_ones_far_away() -> None:
    table, position = tags(np.random.default_rng(2))
    law = PairLaw.fitted(table, position, np.random.default_rng(1))
    distance = np.hypot(*(position[:, None] - position).transpose(2, 0, 1))
    ratio = law.likelihood_ratio(pairs_of(table, table), np.full(distance.shape, 0.03))
    near, far = (distance > 0) & (distance < 0.05), distance > 0.8
    assert np.median(ratio[near]) > 0.5 and np.median(ratio[far]) < -0.5


def test_few_tags_move_the_law_little() -> None:
    usual = PairLaw()
    found = PairLaw.fitted(*tags(np.random.default_rng(3), 1), np.random.default_rng(1))
    assert astuple(found) == pytest.approx(astuple(usual))
