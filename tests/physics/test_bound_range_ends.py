"""The bound and the true maps where levels lie at an end of RSRP's range: at least, or at most, so strong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import norm

from evaluation_fixtures import (
    LAW,
    MOBILITY,
    OBSERVATION,
    SyntheticPlace,
    some_world,
    synthetic_place,
    synthetic_world_maps,
)
from raylocus.evaluation.bound.likelihood import SequenceLikelihood
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import Search
from raylocus.evaluation.bound.tokens import SequenceTokens, all_tokens
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluation import Evaluation, evaluate
from raylocus.evaluation.observations import Observations, observations
from raylocus.network.channel.links import channel_at
from raylocus.network.channel.world_channel import KnownChannel
from raylocus.network.movement.mobility import sample_trajectories
from raylocus.network.observe import observe


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(9, size=192.0, resolution=8.0, sites=3)


@pytest.fixture(scope="module")
def movement(place: SyntheticPlace) -> Movement:
    return Movement.of(place, MOBILITY, np.random.default_rng(0))


@pytest.fixture(scope="module")
def known_world(place: SyntheticPlace, movement: Movement) -> SequenceLikelihood:
    """The law of reports in the nominal world, where a neighbour's silence says nothing."""
    network = dataclasses.replace(OBSERVATION, neighbour_dropout=1.0)
    return TrueMaps(place.radio_maps, network, movement).likelihood(place.deployment)


def one_report(place: SyntheticPlace, rsrp: dict[int, float], ends: dict[int, int]) -> SequenceTokens:
    """Tokens of one report with these levels, by cell, of which some are at an end of the range (1 or −1)."""
    cells = len(place.deployment.cells)
    level, end = np.full((1, cells), np.nan), np.zeros((1, cells), np.int8)
    level[0, list(rsrp)], end[0, list(ends)] = list(rsrp.values()), list(ends.values())
    beams = np.full((1, place.deployment.beam_count), np.nan)
    serving = np.array([next(iter(rsrp))])
    observed = Observations(level, end, beams, np.array([np.nan]), serving, np.zeros(1), np.array([0, 1]))
    (tokens,) = all_tokens(observed, place.deployment, OBSERVATION)
    return tokens


@pytest.mark.parametrize("side", [1, -1])
def test_a_level_at_an_end_lies_beyond_it(
    place: SyntheticPlace, known_world: SequenceLikelihood, side: int
) -> None:
    """Φ of how far the map's level reaches beyond the end, given the offset that the other levels leave."""
    mapped = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)
    ground = np.flatnonzero(place.geometry_maps["footprint"].values.ravel() == 0)
    end = float(np.median(mapped[3, ground]))
    here = ground[len(ground) // 2]
    level = {cell: float(mapped[cell, here]) for cell in range(3)}
    tokens = one_report(place, level | {3: end}, {3: side})
    assert len(tokens.level) == 3 and tokens.ended_cell.tolist() == [3]
    last = known_world.of_last(tokens, torch.from_numpy(ground))
    near = ground[torch.isfinite(last.log_density[ground]).numpy()]
    noise, bias = OBSERVATION.receiver_noise_db**2, OBSERVATION.device_bias_db**2
    precision = 3 / (noise + 1 / 12) + 1 / bias
    off = np.array([level[cell] - mapped[cell, near] for cell in range(3)])
    offset = off.sum(axis=0) / (noise + 1 / 12) / precision
    reach = side * (mapped[3, near] + offset - end) / np.sqrt(noise + 1 / precision)
    expected = np.log(np.maximum(norm.cdf(reach), 1e-5))
    assert len(near) > 5 and np.ptp(expected) > 3
    assert np.allclose(last.silence[near].numpy(), expected, atol=0.05)


def test_whoever_hears_nothing_but_ends_is_where_levels_reach_them(
    place: SyntheticPlace, movement: Movement, known_world: SequenceLikelihood
) -> None:
    mapped = place.radio_maps["rsrp"].values.reshape(len(place.deployment.cells), -1)
    tokens = one_report(place, {0: float(np.nanpercentile(mapped[0], 80))}, {0: 1})
    assert not len(tokens.level)
    found = Search(known_world, movement, 4, 4).density(tokens, np.random.default_rng(0)).mass
    assert found.sum() == pytest.approx(1.0) and np.isfinite(found).all()
    strong = mapped[0] > float(tokens.ended[0])
    open_ground = movement.start > 0
    assert found[strong & open_ground].mean() > 4 * found[~strong & open_ground].mean()


def test_true_maps_hold_who_is_near_masts_whose_levels_are_at_the_end(
    place: SyntheticPlace, movement: Movement
) -> None:
    """Half of all levels at the upper end: regions of 90 % hold what they say, by twice the binomial error."""
    parts = []
    ends = []
    for seed in range(12):
        maps = synthetic_world_maps(place, some_world(place, seed, LAW))
        maps = maps.assign(rsrp_beam=maps["rsrp_beam"] + 60, rsrp=maps["rsrp"] + 60)
        ways = sample_trajectories(place.geometry_maps, 4, MOBILITY, np.random.default_rng(seed))
        channel = KnownChannel(channel_at(maps, ways.position), place.deployment)
        reports = observe(channel, ways, OBSERVATION, seed)
        observed = observations(reports, place.deployment)
        ends.append((observed.rsrp_end != 0)[np.isfinite(observed.rsrp)])
        method = TrueMaps(maps, OBSERVATION, movement, motions=8, ways=16)
        parts.append(evaluate(method, reports, place).evaluation)
    assert 0.2 < np.concatenate(ends).mean() < 0.9
    whole = Evaluation.concatenate(parts)
    assert len(whole) > 40 and whole.coverage(0.9) > 0.9 - 2 * np.sqrt(0.09 / len(whole))
