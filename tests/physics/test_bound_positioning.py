"""The bound's law of times and angles of arrival, and what they are worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from network_fixtures import TILE, deployment
from raylocus.evaluation.bound.angles import AngleLaw
from raylocus.evaluation.bound.arrivals import ArrivalLaw, Times, times_of
from raylocus.evaluation.bound.bound import Bound, KnownLaw
from raylocus.evaluation.bound.calibration import Calibration
from raylocus.evaluation.bound.ensemble import atlas_physics
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.search import Search
from raylocus.evaluation.bound.tokens import all_tokens
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluation import evaluate
from raylocus.evaluation.observations import Observations
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.uplink import uplink_timing_error
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass
from raylocus.network.positioning.timing_measurements import TimingErrors, synchronisation_errors
from raylocus.network.reports.features import CRITICAL
from raylocus.network.reports.reports import Reports
from raylocus.scenes.world import World, WorldLaw
from raylocus.units import SPEED_OF_LIGHT
from stack_fixtures import free_space_place

NETWORK = NetworkConfiguration(
    feature_set="positioning",
    availability=dict.fromkeys(("rstd", "ue_rx_tx", "gnb_rx_tx", "ul_rtoa", "ul_aoa"), 1.0),
).at_severity(0.5)
PLACE = deployment(2)
#: Cells of the two sites that stand in for them.
FIRST, SECOND = 0, 3


def times(measured: dict[str, np.ndarray]) -> Times:
    """Times [s] of the cells 0 and 3, one of each site, in some reports."""
    wide = {name: np.full((len(each), 6), np.nan) for name, each in measured.items()}
    for name, each in measured.items():
        wide[name][:, [FIRST, SECOND]] = each
    named = np.zeros((len(each), 6), bool)
    named[:, [FIRST, SECOND]] = True
    return times_of(by_cell(wide), named, np.zeros(len(each), np.int64), PLACE, NETWORK)


def by_cell(measured: dict[str, np.ndarray]) -> xr.Dataset:
    """Features by report and cell."""
    return xr.Dataset({name: (("report", "cell"), each) for name, each in measured.items()})


def lengths(found: Times, of_site: np.ndarray) -> torch.Tensor:
    """Lengths [m] of the links of UEs at rest, by site."""
    return torch.from_numpy(of_site).float()[..., found.site]


def test_clocks_are_integrated_out() -> None:
    """Arrivals down and up at two sites in two reports: against draws of clocks, group delays and transmit errors."""
    generator, errors, numerology = np.random.default_rng(3), NETWORK.timing_errors, PLACE.carrier.numerology
    noise, delay, clock = (
        30e-9 * generator.normal(size=(2, 2, 2)),
        np.array([3e-7, 5e-7]),
        np.array([3e-8, -2e-8]),
    )
    measured = {
        "time_of_arrival": delay + clock + noise[0],
        "ul_rtoa": delay - clock + np.array([[8e-8], [-5e-8]]) + noise[1],
    }
    found = times(measured)
    tried = SPEED_OF_LIGHT * (delay + 1e-9 * np.array([[0, 0], [25, 0], [0, 25], [25, 25], [-20, 20]]))
    ours = found.at_rest.log_density(lengths(found, tried)).numpy()
    count = 400_000
    clocks = synchronisation_errors(2 * count, errors, generator).reshape(count, 1, 2)
    group = errors.ue_group_delay * generator.normal(size=(count, 1, 1))
    sent = uplink_timing_error((count, 2, 1), numerology, generator)
    exact = []
    for each in tried / SPEED_OF_LIGHT:
        down = norm.logpdf(measured["time_of_arrival"], each + clocks + group, 30e-9)
        up = norm.logpdf(measured["ul_rtoa"], each - clocks + sent, 30e-9)
        exact.append(logsumexp((down + up).sum(axis=(1, 2))))
    assert np.allclose(ours - ours[0], np.array(exact) - exact[0], atol=0.15)


def test_a_round_trip_knows_nothing_of_clocks() -> None:
    delay, frame = np.array([[3e-7, 5e-7]]), 7e-7
    tried = np.linspace(60.0, 120.0, 7)[:, None] + np.array([0.0, 55.0])
    found = []
    for clock in (0.0, 1e-6):
        late = np.array([clock, 0.0])
        both = times({"ue_rx_tx": delay + late - frame, "gnb_rx_tx": delay - late + frame})
        alone = {name: np.where([True, False], each, np.nan) for name, each in (
            ("ue_rx_tx", delay + late - frame), ("gnb_rx_tx", delay - late + frame))}  # fmt: skip
        one = times(alone)
        found.append(one.at_rest.log_density(lengths(one, tried)).numpy())
        assert len(both.at_rest.mean) == 2
    assert np.allclose(found[0] - found[0].max(), found[1] - found[1].max(), atol=1e-2)
    # 21 ns of noise and 3 ns of group delays, half of it a one-way error.
    fall = found[0].max() - found[0][0]
    apart = 60.0 - tried[found[0].argmax(), 0]
    peak = delay[0, 0] * SPEED_OF_LIGHT
    spread = SPEED_OF_LIGHT * np.sqrt(2 * (30e-9**2 + 2e-9**2) + 5e-9**2) / 2
    expected = ((60.0 - peak) ** 2 - (60.0 - apart - peak) ** 2) / (2 * spread**2)
    assert fall == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("known", [False, True])
def test_a_difference_needs_two_sites(known: bool) -> None:
    """RSTD to a cell of the same site, or of none, says nothing of the place; to another site it does."""
    rstd = np.full((1, 6), np.nan)
    rstd[0, SECOND if known else 1] = 1e-7
    named = np.ones((1, 6), bool)
    found = times_of(by_cell({"rstd": rstd}), named, np.zeros(1, np.int64), PLACE, NETWORK)
    assert len(found.at_rest.mean) == known


def test_who_moves_is_only_near_a_way() -> None:
    """What a way leaves open of earlier reports makes them say less of the place, and nothing less of the last."""
    delay = np.tile([3e-7, 5e-7], (3, 1))
    found = times({"ue_rx_tx": delay - 1e-7, "gnb_rx_tx": delay + 1e-7})
    off = lengths(found, SPEED_OF_LIGHT * delay[0] + 15.0) - lengths(found, SPEED_OF_LIGHT * delay[0])
    earlier, last = off * (found.report < 2), off * (found.report == 2)
    for shift, fewer in ((earlier, True), (last, False)):
        fall = [float((law.white @ shift).square().sum()) for law in (found.moved, found.at_rest)]
        assert fall[0] < (0.8 if fewer else 1.1) * fall[1]


def test_a_cell_that_is_timed_has_a_path() -> None:
    """Where the map has no path to a timed site, or one to a named site that is not timed, no UE is likely."""
    delay = np.array([[3e-7, np.nan]])
    found = times({"ue_rx_tx": delay - 1e-7, "gnb_rx_tx": delay + 1e-7})
    flat = torch.full((2, TILE.count**2), 3e-7)
    flat[0, 1], flat[1, 0], flat[1, 1] = torch.nan, torch.nan, torch.nan
    law = ArrivalLaw.of(flat, TILE)
    right, no_path, lit_too = law.of_last(found, torch.tensor([0, 1, 2])).tolist()
    assert no_path < right - 4 and lit_too < right - 4
    both = ArrivalLaw.of(torch.stack([flat, flat.roll(1, dims=1)]), TILE)
    assert both.of_last(found, torch.tensor([1])).exp().item() == pytest.approx(
        np.exp([right, no_path]).mean()
    )


def test_an_angle_is_turned_with_its_antenna() -> None:
    """UL-AoA as an antenna turned by 10° measures it: that world is the likeliest, here and where it is mirrored."""
    place = free_space_place(2)
    error = np.deg2rad(np.linspace(-30, 30, 13))[:, None] * np.ones(len(place.deployment.cells))
    law = AngleLaw.of(place, error)
    cell, turn = 1, np.deg2rad(10.0)
    boresight = place.deployment.cells[cell].azimuth
    ground = torch.arange(0, TILE.count**2, 37)
    across = law.across[0, ground].numpy()
    cosine = across[:, 1] * np.cos(boresight + turn) - across[:, 0] * np.sin(boresight + turn)
    in_front = across @ np.array([np.cos(boresight + turn), np.sin(boresight + turn)]) > 0.5
    for at, measured in zip(ground[in_front], cosine[in_front], strict=True):
        azimuth = torch.tensor([boresight + np.arcsin(measured)]).float()
        of_world, of_turn = law.of_cell(cell, azimuth, at.view(1, 1), torch.zeros(1, 1, dtype=torch.bool))
        assert of_world[0].argmax() == 8
        assert of_world[0, 8] > of_turn[0, 0] + 1


@pytest.fixture(scope="module")
def free_space() -> Bound:
    place, mobility = free_space_place(3), MobilityConfiguration(fewest_reports=3, most_reports=6)
    movement = Movement.of(place, mobility, np.random.default_rng(0))
    known = KnownLaw(place, WorldLaw(severity=0.5), NETWORK, mobility, movement, atlas_physics)
    return Bound(known, worlds=8, motions=16, ways=24)


@pytest.mark.parametrize("severity", [0.0, 0.5])
def test_angles_and_levels_are_those_of_the_same_worlds(free_space: Bound, severity: float) -> None:
    """The azimuth errors are those that the beams of the ensemble were worked out with."""
    turned: list[np.ndarray] = []

    def physics(place: MappedPlace, worlds: Sequence[World]) -> Iterator[np.ndarray]:
        turned.extend(world.azimuth_error for world in worlds)
        return atlas_physics(place, worlds)

    law = WorldLaw(severity=severity)
    known = dataclasses.replace(free_space.known, world_law=law, physics=physics)
    angles = dataclasses.replace(free_space, known=known).likelihood.beams.angles
    assert angles is not None
    np.testing.assert_allclose(angles.error.numpy(), np.array(turned, np.float32).T)


def test_positioning_is_worth_something(free_space: Bound) -> None:
    """The same sequences with and without times and angles; and neither claims too much."""
    known = free_space.known
    reports = Reports.concatenate([each for _, each in known.draw(12, 2, np.random.default_rng(1))])
    fewer = dataclasses.replace(
        reports,
        features=reports.features[:, : len(CRITICAL)],
        censored=reports.censored[:, : len(CRITICAL)],
        feature_names=CRITICAL,
    )
    whole, critical = (evaluate(free_space, each, known.place).evaluation for each in (reports, fewer))
    assert whole.negative_log_likelihood.mean() < critical.negative_log_likelihood.mean() - 0.5
    assert whole.percentile(50.0) < critical.percentile(50.0)
    assert whole.coverage(0.9) > 0.75


def test_who_stands_still_may_stand_anywhere(free_space: Bound) -> None:
    """Reports that say nothing, of UEs that never move, and one way: every place keeps its mass.

    Of ways that were drawn, the few that a search takes of who stands still were all that was left.
    """
    place, network = free_space.known.place, dataclasses.replace(NETWORK, receiver_noise_db=3000.0)
    standing = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 0.0, 0.0),))
    movement = Movement.of(place, standing, np.random.default_rng(0))
    likelihood = TrueMaps(place.radio_maps, network, movement).likelihood(place.deployment)
    cells, nothing = len(place.deployment.cells), np.full((3, place.deployment.beam_count), np.nan)
    observed = Observations(
        np.full((3, cells), -80.5), np.zeros((3, cells), int), nothing, np.full(3, np.nan),
        np.zeros(3, int), np.arange(3) * 2.0, np.array([0, 3]),
    )  # fmt: skip
    (tokens,) = all_tokens(observed, place.deployment, network)
    found = Search(likelihood, movement, 1, 1).density(tokens, np.random.default_rng(0))
    assert np.abs(found.mass - movement.start).sum() < 0.1
    assert Calibration().apply(found, movement.grid).sum() == pytest.approx(1)


def test_errors_without_clocks_leave_the_round_trip() -> None:
    """Clocks of sites that are right make differences sharper and leave round trips as they are."""
    exact = dataclasses.replace(NETWORK, timing_errors=TimingErrors(synchronisation=0.0))
    delay = np.full((1, 6), np.nan)
    delay[0, [FIRST, SECOND]] = 3e-7, 5e-7
    named = np.isfinite(delay)
    sharp = {}
    for name, measured in {
        "difference": {"rstd": np.where(np.arange(6) == SECOND, 2e-7, np.nan)[None]},
        "round trip": {
            each: np.where(np.arange(6) == FIRST, delay, np.nan) for each in ("ue_rx_tx", "gnb_rx_tx")
        },
    }.items():
        sharp[name] = [
            float(times_of(by_cell(measured), named, np.zeros(1, np.int64), PLACE, law).at_rest.white.norm())
            for law in (exact, NETWORK)
        ]
    assert sharp["difference"][0] > 1.3 * sharp["difference"][1]
    assert sharp["round trip"][0] == pytest.approx(sharp["round trip"][1], rel=1e-3)
