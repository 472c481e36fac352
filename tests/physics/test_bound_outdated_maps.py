"""The bound where maps are outdated: what it makes of draws of what may stand there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from evaluation_fixtures import (
    LAW,
    MOBILITY,
    OBSERVATION,
    SyntheticPlace,
    sampled_ensemble,
    synthetic_physics,
    synthetic_place,
)
from raylocus.evaluation.bound.bound import Bound, KnownLaw
from raylocus.evaluation.bound.levels import LevelLaw, ResidualLaw
from raylocus.evaluation.bound.likelihood import ADVANCE_FLOOR
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.self_check import self_check
from raylocus.evaluation.bound.tokens import all_tokens
from raylocus.evaluation.observations import observations
from raylocus.network.reports.reports import Reports
from raylocus.scenes.world import WorldLaw


def built_over(place: SyntheticPlace, rows: slice, louder_db: float, later: float) -> SyntheticPlace:
    """A place with a building more, whose levels [dB] and delays [s] differ everywhere."""
    maps = place.geometry_maps.copy(deep=True)
    maps["footprint"].values[rows] = 1
    radio = place.radio_maps.copy(deep=True)
    for name in ("rsrp", "rsrp_beam"):
        radio[name].values += louder_db
    radio["toa"].values += later
    return SyntheticPlace(place.tile, place.deployment, maps, radio)


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(9, size=192.0, resolution=8.0, sites=3)


@pytest.fixture(scope="module")
def draws(place: SyntheticPlace) -> tuple[SyntheticPlace, ...]:
    """Three draws: as mapped, and with a building across the tile."""
    return tuple(built_over(place, slice(row, row + 3), 0.0, 100e-9 * row) for row in (0, 4, 12))


def of_stored(place: SyntheticPlace, worlds: list) -> list[np.ndarray]:
    """Physics of worlds in which nothing but the place decides."""
    return [place.radio_maps["rsrp_beam"].values for _ in worlds]


def test_what_draws_differ_by_is_the_maps_and_what_worlds_differ_by_is_not(place: SyntheticPlace) -> None:
    louder = built_over(place, slice(0), 6.0, 0.0)
    quiet = WorldLaw(severity=0.5)
    alone = sampled_ensemble([place], quiet, synthetic_physics, 8)
    assert alone.map_spread.abs().max() == 0 and alone.spread.max() > 1
    both = sampled_ensemble([place, louder], quiet, of_stored, 8)
    # Of two values 6 dB apart, four worlds each: the unbiased variance over all eight.
    expected = np.std([0.0] * 4 + [6.0] * 4, ddof=1)
    assert np.allclose(both.map_spread.numpy(), expected, atol=0.01)
    assert torch.allclose(both.spread, both.map_spread)


def test_ground_that_a_draw_builds_over_has_the_nearest_open_grounds_maps(
    place: SyntheticPlace, draws: tuple[SyntheticPlace, ...]
) -> None:
    ensemble = sampled_ensemble(draws, WorldLaw(severity=0.0), of_stored, 8)
    assert ensemble.worlds == len(draws)
    count, open_ground = place.tile.count, draws[1].geometry_maps["footprint"].values == 0
    beams = draws[1].radio_maps["rsrp_beam"].values
    delay = draws[1].radio_maps["toa"].values
    found = ensemble.rsrp_beam[..., 1].numpy().transpose(0, 2, 1).reshape(beams.shape)
    assert np.allclose(found[..., open_ground], beams[..., open_ground], atol=0.1)
    middle = int(np.flatnonzero(open_ground[3] & open_ground[7] & ~open_ground[4])[0])
    assert np.allclose(found[:, :, 4, middle], beams[:, :, 3, middle], atol=0.1)
    assert np.allclose(ensemble.delay[1].reshape(-1, count, count)[:, 4, middle], delay[:, 3, middle])


def test_levels_with_a_maps_error_are_those_of_the_joint_gaussian() -> None:
    """Without a residual all is Gaussian: each cell's own error, the map's, noise and the offset, by closed form."""
    offset, generator = 4.0, np.random.default_rng(3)
    cell = torch.tensor([0, 0, 1])
    spread, alike = np.array([6.0, 5.0, 3.0]), np.array([[1, 0.4, 0.2], [0.4, 1, 0.1], [0.2, 0.1, 1]])
    of_map, lasting, noise = (
        alike * np.outer(spread, spread),
        np.array([4.0, 9.0, 2.0]),
        np.array([2.0, 3, 1]),
    )
    same = (cell[:, None] == cell).numpy()
    covariance = of_map + same * np.sqrt(np.outer(lasting, lasting)) + np.diag(noise) + offset**2
    deviation = generator.multivariate_normal(np.zeros(3), covariance, 50)
    fit = LevelLaw(ResidualLaw.of(WorldLaw(severity=0.0)), offset, 0.0).fit(
        torch.from_numpy(deviation).float(),
        torch.from_numpy(lasting + spread**2).float().expand(50, -1),
        torch.from_numpy(noise).float().expand(50, -1),
        torch.zeros(50, 3, 3),
        cell,
        torch.from_numpy(of_map).float().expand(50, -1, -1),
    )
    expected = multivariate_normal(np.zeros(3), covariance).logpdf(deviation)
    found = fit.log_density.numpy()
    assert np.allclose(found - found.mean(), expected - expected.mean(), atol=0.02)


def test_an_advance_is_that_of_one_draw_in_all_reports(
    place: SyntheticPlace, draws: tuple[SyntheticPlace, ...]
) -> None:
    """The mean over draws of the product over reports, not the product of means."""
    known = KnownLaw(
        place, WorldLaw(severity=0.0), OBSERVATION, MOBILITY, moving(place, draws), of_stored, draws
    )
    bound = Bound(known)
    tokens = next(
        each
        for each in all_tokens(
            observations(some_reports(draws[2]), place.deployment), place.deployment, OBSERVATION
        )
        if len(each.advance) > 1
    )
    cells = torch.arange(place.tile.count**2)[:, None].expand(-1, len(tokens.advance))
    used = torch.ones(len(tokens.advance), dtype=torch.bool)
    found = bound.likelihood.of_advances(tokens, cells, used)
    alone = [
        Bound(dataclasses.replace(known, true_places=(each,))).likelihood.of_advances(tokens, cells, used)
        for each in draws
    ]
    assert torch.allclose(found, torch.logsumexp(torch.stack(alone), 0) - np.log(3), atol=1e-4)
    assert found.max() > len(tokens.advance) * np.log(ADVANCE_FLOOR)


def moving(place: SyntheticPlace, draws: tuple[SyntheticPlace, ...]) -> Movement:
    return Movement.of(place, MOBILITY, np.random.default_rng(0), draws)


def some_reports(place: SyntheticPlace) -> Reports:
    """Reports of a place whose map is right."""
    movement = Movement.of(place, MOBILITY, np.random.default_rng(0))
    known = KnownLaw(place, LAW, OBSERVATION, MOBILITY, movement, synthetic_physics)
    return Reports.concatenate([each for _, each in known.draw(2, 4, np.random.default_rng(1))])


def test_ways_lead_where_a_draw_is_open_and_seldom_where_none_is(
    place: SyntheticPlace, draws: tuple[SyntheticPlace, ...]
) -> None:
    start = moving(place, draws).start
    built = np.array([each.geometry_maps["footprint"].values.ravel() > 0 for each in draws])
    mapped = place.geometry_maps["footprint"].values.ravel() > 0
    assert (start[built.any(axis=0) & ~built.all(axis=0)] > 0).all()
    assert 0 < start[mapped].sum() < 0.04
    assert start.sum() == pytest.approx(1)


@pytest.mark.usefixtures("few_ways")
def test_a_check_takes_the_place_that_it_draws_in_out_of_the_bound(
    place: SyntheticPlace, draws: tuple[SyntheticPlace, ...]
) -> None:
    known = KnownLaw(place, LAW, OBSERVATION, MOBILITY, moving(place, draws), synthetic_physics, draws[1:])
    held_out = list(known.held_out())
    assert all(truth.place is each for (truth, _), each in zip(held_out, draws[1:], strict=True))
    for truth, other in held_out:
        assert truth.true_places == () and other.place is place
        assert all(each is not truth.place for each in other.true_places) and len(other.true_places) == 1
    found = self_check(Bound(known, worlds=8, motions=8, ways=8), 3, 1)
    assert found.sequences == 4 and np.isfinite(found.nll)
