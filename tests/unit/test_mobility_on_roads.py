"""Mobility where roads are known, starts by weight, and stops."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import distance_transform_edt

from network_fixtures import TILE, ground
from raylocus.errors import InputError
from raylocus.network.impairments.availability import occurred
from raylocus.network.impairments.report_errors import ClockErrors, drifts, time_stamps
from raylocus.network.movement.driving import SPEED_LIMITS, RoadGraph
from raylocus.network.movement.mobility import (
    MobilityConfiguration,
    SpeedClass,
    moving_time,
    sample_trajectories,
)
from raylocus.network.movement.trajectories import Trajectories
from raylocus.scenes.vector_map import ROAD_CLASSES

DRIVERS = MobilityConfiguration(
    report_intervals=(1.024,), speed_classes=(SpeedClass(1.0, 5.0, 14.0, on_road=True),)
)
STANDING = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 0.0, 0.0),))
PRIMARY, SERVICE, PEDESTRIAN = (ROAD_CLASSES.index(name) for name in ("primary", "service", "pedestrian"))


@pytest.fixture(scope="module")
def town() -> xr.Dataset:
    """A primary road to the east, a service road to the north, a square next to them, a pond, and a lone lane."""
    maps, kind = ground(), np.full(TILE.shape, np.nan, np.float32)
    kind[:, 31:34] = SERVICE
    kind[30:33] = PRIMARY
    kind[26:30, 34:38] = PEDESTRIAN
    kind[60, 2:5] = SERVICE
    water = np.zeros(TILE.shape, np.float32)
    water[2:8, 40:60] = 1
    distance = distance_transform_edt(np.isnan(kind)) * TILE.resolution
    layers = {"road_class": kind, "road": np.isfinite(kind), "road_distance": distance, "water": water}
    return maps.assign(
        {name: (("y", "x"), values.astype(np.float32)) for name, values in layers.items()}
        | {"vegetation": (("y", "x"), np.zeros(TILE.shape, np.float32))}
    )


def within(walked: Trajectories) -> np.ndarray:
    """Mask of the pairs of successive reports that are of one sequence."""
    mask = np.ones(len(walked.time) - 1, bool)
    mask[walked.report_offsets[1:-1] - 1] = False
    return mask


def test_vehicles_drive_on_the_roads_within_their_limits(town: xr.Dataset) -> None:
    walked = sample_trajectories(town, 300, DRIVERS, np.random.default_rng(0))
    cells = TILE.index(walked.position)
    kind = town["road_class"].values.ravel()[cells]
    assert np.isin(kind, [PRIMARY, SERVICE]).all()
    # The lone lane leads nowhere and carries no traffic.
    assert not ((cells // TILE.count == 60) & (cells % TILE.count < 5)).any()
    way = np.linalg.norm(np.diff(walked.position[:, :2], axis=0), axis=1)
    inside, elapsed = within(walked), np.maximum(np.diff(walked.time), 1e-9)
    assert (way / elapsed)[inside].max() <= 14 + 1e-6 and np.median(way[inside]) > 4
    # Between two points of the service road one may have turned off it, but hardly ever has.
    both = inside & (kind[1:] == SERVICE) & (kind[:-1] == SERVICE)
    assert np.quantile((way / elapsed)[both], 0.9) <= SPEED_LIMITS["service"] + 1e-6


def test_ways_go_step_by_step_over_the_roads_and_turn_at_junctions(town: xr.Dataset) -> None:
    graph = RoadGraph.of(town, np.random.default_rng(0))
    assert graph is not None
    way = graph.ways(np.arange(200), np.full(200, 600.0), np.random.default_rng(1))
    steps = np.diff(graph.grid.centres[graph.cells[way]], axis=1)
    assert np.abs(steps).max() <= TILE.resolution + 1e-9
    kinds = town["road_class"].values.ravel()[graph.cells[way]]
    assert ((kinds == PRIMARY).any(axis=1) & (kinds == SERVICE).any(axis=1)).mean() > 0.3
    assert RoadGraph.of(ground(), np.random.default_rng(0)) is None


def test_from_every_node_the_way_on_ends_at_its_destination(town: xr.Dataset) -> None:
    graph = RoadGraph.of(town, np.random.default_rng(0))
    assert graph is not None
    for onward in graph.onward[:4]:
        here = np.arange(len(graph.cells))
        for _ in range(3 * TILE.count):
            here = np.where(onward[here] < 0, here, onward[here])
        assert len(np.unique(here)) == 1


def test_vehicles_go_anywhere_where_roads_are_not_known() -> None:
    walked = sample_trajectories(ground(), 200, DRIVERS, np.random.default_rng(0))
    anyone = dataclasses.replace(DRIVERS, speed_classes=(SpeedClass(1.0, 5.0, 14.0),))
    same = sample_trajectories(ground(), 200, anyone, np.random.default_rng(0))
    np.testing.assert_array_equal(walked.position, same.position)


def test_people_are_on_squares_and_pavements_and_not_in_the_water(town: xr.Dataset) -> None:
    walked = sample_trajectories(town, 40_000, STANDING, np.random.default_rng(0))
    cells = TILE.index(walked.position[walked.report_offsets[:-1]])
    assert not town["water"].values.ravel()[cells].any()
    density = np.bincount(cells, minlength=TILE.count**2).reshape(TILE.shape)
    square, carriageway = density[26:30, 34:38].mean(), density[30:33, :30].mean()
    meadow, pavement = density[12:22, 50:62].mean(), density[33, :30].mean()
    assert square / meadow == pytest.approx(4, rel=0.2)
    assert pavement / meadow == pytest.approx(4, rel=0.2)
    assert carriageway / meadow == pytest.approx(0.3, rel=0.4)


def test_nobody_walks_into_water(town: xr.Dataset) -> None:
    strollers = MobilityConfiguration(speed_classes=(SpeedClass(1.0, 1.0, 2.0),))
    walked = sample_trajectories(town, 300, strollers, np.random.default_rng(0))
    assert not town["water"].values.ravel()[TILE.index(walked.position)].any()


def test_starts_follow_coverage(town: xr.Dataset) -> None:
    weight = np.zeros(TILE.shape)
    weight[40:50, 5:15] = 1.0
    walked = sample_trajectories(town, 200, STANDING, np.random.default_rng(0), weight)
    rows, columns = np.divmod(TILE.index(walked.position), TILE.count)
    assert ((rows >= 40) & (rows < 50) & (columns >= 5) & (columns < 15)).all()
    with pytest.raises(InputError, match="no road has weight"):
        sample_trajectories(town, 5, DRIVERS, np.random.default_rng(0), weight)


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


def test_time_on_the_move_is_a_stationary_share_of_the_time() -> None:
    time = np.tile(np.linspace(0, 600, 61), (400, 1))
    moving = moving_time(time, np.full(400, 30.0), np.full(400, 10.0), np.random.default_rng(0))
    pace = np.diff(moving, axis=1) / 10.0
    assert (pace >= -1e-12).all() and (pace <= 1 + 1e-12).all()
    for part in (pace[:, :5], pace[:, -5:]):
        assert part.mean() == pytest.approx(0.75, abs=0.04)
    unstopped = moving_time(time, np.full(400, np.inf), np.zeros(400), np.random.default_rng(0))
    np.testing.assert_array_equal(unstopped, time)


def test_pedestrians_stop_as_often_as_their_class_says() -> None:
    def mean_way(**stops: float) -> float:
        law = MobilityConfiguration(
            fewest_reports=20,
            report_intervals=(2.048,),
            speed_classes=(SpeedClass(1.0, 1.5, 1.5, **stops),),
        )
        walked = sample_trajectories(ground(), 300, law, np.random.default_rng(0))
        return float(np.linalg.norm(np.diff(walked.position[:, :2], axis=0), axis=1)[within(walked)].mean())

    # 20 s of moving to 20 s of standing.
    assert mean_way(stop_every=30.0, stop_time=20.0) / mean_way() == pytest.approx(0.5, abs=0.05)


def test_a_ue_has_one_drift_and_its_error_grows_with_age() -> None:
    offsets = np.array([0, 3, 5])
    drift = drifts(offsets, ClockErrors(drift=1e-7), np.random.default_rng(0))
    assert len(set(drift.tolist())) == 2 and drift[0] == drift[2] and drift[3] == drift[4]
    stamps = time_stamps(np.arange(5.0), ClockErrors(stamp_jitter=0.01), np.random.default_rng(0))
    assert (stamps >= np.arange(5.0)).all() and (stamps <= np.arange(5.0) + 0.01).all()


def test_periodic_occasions_come_as_often_as_their_period() -> None:
    time = np.tile(0.12 * np.arange(1000), 2)
    offsets = np.array([0, 1000, 2000])
    seldom = occurred(time, offsets, 0.48, np.random.default_rng(0).random(len(time)))
    assert seldom.mean() == pytest.approx(0.25, abs=0.01)
    assert seldom[[0, 1000]].all()
    assert occurred(time, offsets, 0.02, np.random.default_rng(0).random(len(time))).all()
