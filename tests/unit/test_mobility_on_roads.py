"""Mobility where roads are known, starts by weight, and stops."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from network_fixtures import TILE, ground
from raylocus.errors import InputError
from raylocus.network.availability import occurred
from raylocus.network.clocks import ClockErrors, clock_error, drifts, time_stamps
from raylocus.network.mobility import MobilityConfiguration, SpeedClass, sample_trajectories
from raylocus.network.walking import Ground

DRIVERS = MobilityConfiguration(
    report_intervals=(1.024,), speed_classes=(SpeedClass(1.0, 5.0, 14.0, on_road=True),)
)


@pytest.fixture(scope="module")
def town() -> xr.Dataset:
    maps = ground()
    road = np.zeros(TILE.shape, np.float32)
    road[30:33] = 1
    road[:, 31:34] = 1
    return maps.assign(road=(("y", "x"), road))


def test_vehicles_stay_on_the_roads(town: xr.Dataset) -> None:
    walked = sample_trajectories(town, 200, DRIVERS, np.random.default_rng(0))
    cells = TILE.index(walked.position)
    assert Ground.of(town).road[cells].all()
    # They go somewhere, and on both roads.
    way = np.linalg.norm(np.diff(walked.position[:, :2], axis=0), axis=1)
    assert np.median(way) > 4
    rows = cells // TILE.count
    assert ((rows >= 30) & (rows < 33)).mean() > 0.2


def test_vehicles_go_anywhere_where_roads_are_not_known() -> None:
    walked = sample_trajectories(ground(), 200, DRIVERS, np.random.default_rng(0))
    anyone = dataclasses.replace(DRIVERS, speed_classes=(SpeedClass(1.0, 5.0, 14.0),))
    same = sample_trajectories(ground(), 200, anyone, np.random.default_rng(0))
    np.testing.assert_array_equal(walked.position, same.position)


def test_starts_follow_their_weight() -> None:
    weight = np.zeros(TILE.shape)
    weight[5, 5], weight[60, 60] = 3.0, 1.0
    weight[12, 12] = 9.0  # a building
    still = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 0.0, 0.0),))
    walked = sample_trajectories(ground(), 800, still, np.random.default_rng(0), weight)
    cells = TILE.index(walked.position[walked.report_offsets[:-1]])
    assert set(cells.tolist()) == {5 * TILE.count + 5, 60 * TILE.count + 60}
    assert np.mean(cells == 5 * TILE.count + 5) == pytest.approx(0.75, abs=0.05)
    with pytest.raises(InputError, match="no outdoor ground has weight"):
        sample_trajectories(ground(), 1, still, np.random.default_rng(0), np.full(TILE.shape, np.nan))


def test_ues_stand_still_in_their_share_of_the_intervals() -> None:
    moving = dataclasses.replace(DRIVERS, stop_share=0.4, fewest_reports=20)
    walked = sample_trajectories(ground(), 100, moving, np.random.default_rng(0))
    way = np.linalg.norm(np.diff(walked.position[:, :2], axis=0), axis=1)
    inside = np.ones(len(way), bool)
    inside[walked.report_offsets[1:-1] - 1] = False
    assert np.mean(way[inside] == 0) == pytest.approx(0.4, abs=0.05)


def test_a_ue_has_one_drift_and_its_error_grows_with_age() -> None:
    offsets = np.array([0, 3, 5])
    drift = drifts(offsets, ClockErrors(drift=1e-7), np.random.default_rng(0))
    assert len(set(drift.tolist())) == 2 and drift[0] == drift[2] and drift[3] == drift[4]
    error = clock_error(np.array([0.0, 1.0, 9.0, 0.0, 1.0]), drift, 2.0)
    assert error == pytest.approx(drift * [0, 1, 2, 0, 1])
    stamps = time_stamps(np.arange(5.0), ClockErrors(stamp_jitter=0.01), np.random.default_rng(0))
    assert (stamps >= np.arange(5.0)).all() and (stamps <= np.arange(5.0) + 0.01).all()


def test_periodic_occasions_come_as_often_as_their_period() -> None:
    time = np.tile(0.12 * np.arange(1000), 2)
    offsets = np.array([0, 1000, 2000])
    seldom = occurred(time, offsets, 0.48, np.random.default_rng(0))
    assert seldom.mean() == pytest.approx(0.25, abs=0.01)
    assert seldom[[0, 1000]].all()
    assert occurred(time, offsets, 0.02, np.random.default_rng(0)).all()
