"""Trajectories: outdoors, at report times, at believable speeds, from one seed the same."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import xarray as xr

from network_fixtures import TILE, ground
from raylocus.errors import InputError
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, sample_trajectories
from raylocus.network.movement.trajectories import Trajectories


@pytest.fixture(scope="module")
def geometry() -> xr.Dataset:
    return ground()


@pytest.fixture(scope="module")
def trajectories(geometry: xr.Dataset) -> Trajectories:
    return sample_trajectories(geometry, 4000, MobilityConfiguration(), np.random.default_rng(1))


def within(trajectories: Trajectories) -> np.ndarray:
    """Mask of the pairs of successive reports that are of one sequence."""
    mask = np.ones(len(trajectories.time) - 1, bool)
    mask[trajectories.report_offsets[1:-1] - 1] = False
    return mask


def test_nobody_enters_a_building_or_leaves_the_tile(
    geometry: xr.Dataset, trajectories: Trajectories
) -> None:
    index = TILE.index(trajectories.position)
    assert (index >= 0).all()
    assert not geometry["footprint"].values.ravel()[index].any()


def test_antennas_are_one_and_a_half_metres_above_the_terrain(
    geometry: xr.Dataset, trajectories: Trajectories
) -> None:
    terrain = geometry["terrain"].values.ravel()[TILE.index(trajectories.position)]
    np.testing.assert_allclose(trajectories.position[:, 2], terrain + 1.5, atol=1e-6)


def test_sequences_have_five_to_twenty_reports_in_time_order(trajectories: Trajectories) -> None:
    lengths = np.diff(trajectories.report_offsets)
    assert lengths.min() == 5 and lengths.max() == 20 and len(trajectories) == 4000
    assert (np.diff(trajectories.time)[within(trajectories)] > 0.1).all()
    assert (trajectories.time[trajectories.report_offsets[:-1]] == 0).all()


def test_nobody_is_faster_than_a_vehicle_and_a_fifth_stands_still(trajectories: Trajectories) -> None:
    inside = within(trajectories)
    moved = np.hypot(*np.diff(trajectories.position[:, :2], axis=0)[inside].T)
    assert (moved / np.diff(trajectories.time)[inside]).max() <= 14 + 1e-9
    ends = trajectories.report_offsets
    same = (trajectories.position[ends[1:] - 1] == trajectories.position[ends[:-1]]).all(axis=1)
    # A fifth is at rest, and a few more stand at a crossing from the first report to the last.
    assert 0.18 < same.mean() < 0.28


def test_ends_are_as_uniform_over_the_outdoor_ground_as_starts(
    geometry: xr.Dataset, trajectories: Trajectories
) -> None:
    outdoor = (geometry["footprint"].values == 0).reshape(4, 16, 4, 16).sum(axis=(1, 3))
    expected = outdoor / outdoor.sum() * len(trajectories)
    for reports in (trajectories.report_offsets[:-1], trajectories.report_offsets[1:] - 1):
        x, y, _ = trajectories.position[reports].T
        seen, _, _ = np.histogram2d(y, x, bins=4, range=[[-128, 128]] * 2)
        # 15 degrees of freedom: a uniform draw exceeds 37.7 once in a thousand.
        assert ((seen - expected) ** 2 / expected).sum() < 45


def test_on_open_ground_a_walker_covers_its_speed_times_the_time(geometry: xr.Dataset) -> None:
    free = geometry.assign(footprint=geometry["footprint"] * 0)
    straight = MobilityConfiguration(
        speed_classes=(SpeedClass(1.0, 1.0, 1.0),),
        heading_wander=0.0,
        turn_distance=1e12,
        report_intervals=(0.48,),
    )
    walked = sample_trajectories(free, 200, straight, np.random.default_rng(2))
    inner = within(walked) & (np.abs(walked.position[1:, :2]).max(axis=1) < 100)
    moved = np.hypot(*np.diff(walked.position[:, :2], axis=0).T)
    np.testing.assert_allclose(moved[inner], np.diff(walked.time)[inner], rtol=1e-9)


def test_a_walker_in_a_dead_end_cannot_get_out_through_a_wall() -> None:
    geometry = ground()
    geometry["footprint"][:] = 1
    geometry["footprint"][30:33, 40:42] = 0
    fast = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 14.0, 14.0),))
    walked = sample_trajectories(geometry, 50, fast, np.random.default_rng(0))
    assert not geometry["footprint"].values.ravel()[TILE.index(walked.position)].any()


def test_a_vehicle_does_not_jump_a_wall_of_one_ground_cell(geometry: xr.Dataset) -> None:
    walled = geometry.assign(footprint=geometry["footprint"] * 0)
    walled["footprint"][:, 32] = 1
    fast = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 14.0, 14.0),), report_intervals=(5.12,))
    walked = sample_trajectories(walled, 300, fast, np.random.default_rng(0))
    side = np.sign(walked.position[:, 0] - TILE.x_coordinates[32])
    assert (side[1:] == side[:-1])[within(walked)].all()
    assert set(side) == {-1.0, 1.0}


def test_the_same_seed_gives_the_same_bytes(geometry: xr.Dataset) -> None:
    first, second = (
        sample_trajectories(geometry, 30, MobilityConfiguration(), np.random.default_rng(7)) for _ in range(2)
    )
    for field in dataclasses.fields(Trajectories):
        assert getattr(first, field.name).tobytes() == getattr(second, field.name).tobytes()


def test_a_tile_without_outdoor_ground_is_refused(geometry: xr.Dataset) -> None:
    full = geometry.assign(footprint=geometry["footprint"] * 0 + 1)
    with pytest.raises(InputError, match="outdoor ground"):
        sample_trajectories(full, 1, MobilityConfiguration(), np.random.default_rng(0))


def test_shares_of_speed_classes_must_sum_to_one() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        MobilityConfiguration(speed_classes=(SpeedClass(0.5, 0.0, 0.0),))


def test_twenty_thousand_trajectories_take_seconds(geometry: xr.Dataset) -> None:
    start = time.process_time()
    sample_trajectories(geometry, 20_000, MobilityConfiguration(), np.random.default_rng(0))
    # 1 to 1.5 s here without run-time checks; the limit leaves room for a slow machine.
    assert time.process_time() - start < 8
