"""Who walks keeps off buildings and water, whatever the ground; where people are; trajectories cut and joined."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.network.movement.trajectories import Trajectories, keep_reports, select_sequences, velocities
from raylocus.network.movement.walking import (
    CARRIAGEWAY,
    GREEN,
    PAVEMENT,
    PEDESTRIAN_AREA,
    WalkableGround,
    Walkers,
    inside_buildings,
    presence,
    walk,
)
from raylocus.scenes.vector_map import ROAD_CLASSES

GRID = Grid(32.0, 4.0)
FOOTPRINTS = hnp.arrays(np.float32, GRID.shape, elements=st.sampled_from([0.0, 0.0, 1.0])).filter(
    lambda footprint: not footprint.all()
)


def maps(footprint: np.ndarray, **layers: np.ndarray) -> xr.Dataset:
    """G with a terrain that rises by 1 m a cell to the north."""
    terrain = np.repeat(np.arange(GRID.count, dtype=np.float32)[:, None], GRID.count, axis=1)
    named = {"footprint": footprint, "terrain": terrain, **layers}
    coordinates = {"y": GRID.y_coordinates, "x": GRID.x_coordinates}
    data = {name: (("y", "x"), values.astype(np.float32)) for name, values in named.items()}
    return xr.Dataset(data, coordinates, {"tile_size": GRID.size, "resolution": GRID.resolution})


def walkers(geometry: xr.Dataset, speed: np.ndarray, wander: float = 0.3, turns: float = 30.0) -> Walkers:
    uniform = np.ones(GRID.shape)
    return Walkers.start(geometry, speed, wander, turns, uniform, np.random.default_rng(3))


@given(footprint=FOOTPRINTS, seed=st.integers(0, 99), speed=st.floats(0.1, 20.0))
def test_nobody_walks_into_a_building_or_faster_than_walking(
    footprint: np.ndarray, seed: int, speed: float
) -> None:
    geometry = maps(footprint)
    some = walkers(geometry, np.full(5, speed))
    start = some.position.copy()
    path = walk(some, np.full((5, 6), 2.5), np.random.default_rng(seed))
    assert not footprint.ravel()[GRID.index(path.reshape(-1, 2))].any()
    assert (GRID.index(path.reshape(-1, 2)) >= 0).all()
    legs = np.diff(np.concatenate([start[:, None], path], axis=1), axis=1)
    assert np.hypot(*legs.transpose(2, 0, 1)).max() <= 2.5 * speed * (1 + 1e-9)


def test_who_stands_or_has_ended_stays_where_it_is() -> None:
    some = walkers(maps(np.zeros(GRID.shape)), np.array([0.0, 1.0, 1.0]))
    start = some.position.copy()
    path = walk(some, np.array([[5.0, 5.0], [5.0, np.nan], [np.nan, np.nan]]), np.random.default_rng(0))
    assert (path[0] == start[0]).all() and (path[2] == start[2]).all()
    assert (path[1, 0] != start[1]).any() and (path[1, 1] == path[1, 0]).all()


def test_without_turns_a_walker_goes_straight_until_something_is_in_the_way() -> None:
    wall = np.zeros(GRID.shape)
    wall[:, 5] = 1
    some = walkers(maps(wall), np.array([1.0]), wander=0.0, turns=np.inf)
    some.position[0], some.heading[0] = (-13.0, 1.0), 0.0
    path = walk(some, np.full((1, 40), 1.0), np.random.default_rng(1))[0]
    before = path[:15]
    np.testing.assert_allclose(before, [[-12.0 + step, 1.0] for step in range(15)], atol=1e-9)
    # The wall begins at x = 4 m and crosses the tile: nobody passes it.
    assert path[:, 0].max() < 4.0 and np.ptp(path[:, 1]) > 1.0


def test_a_walker_in_a_courtyard_never_leaves_it() -> None:
    footprint = np.ones(GRID.shape)
    footprint[3, 3] = 0
    some = walkers(maps(footprint), np.full(4, 1.5), wander=1.0, turns=5.0)
    path = walk(some, np.full((4, 20), 1.0), np.random.default_rng(2))
    assert (GRID.index(path.reshape(-1, 2)) == 3 * GRID.count + 3).all()


def test_ground_under_water_or_houses_everywhere_is_refused() -> None:
    dry = WalkableGround.of(maps(np.zeros(GRID.shape), water=np.eye(GRID.count)))
    assert dry.outdoor.sum() == GRID.count**2 - GRID.count
    for geometry in (
        maps(np.ones(GRID.shape)),
        maps(np.zeros(GRID.shape), water=np.ones(GRID.shape)),
    ):
        with pytest.raises(InputError, match="no outdoor ground"):
            WalkableGround.of(geometry)


def test_nobody_starts_where_there_is_no_weight() -> None:
    weight = np.zeros(GRID.shape)
    weight[2, 5], weight[6, 1] = 3.0, np.nan
    geometry = maps(np.zeros(GRID.shape))
    some = Walkers.start(geometry, np.ones(50), 0.1, 10.0, weight, np.random.default_rng(0))
    assert (GRID.index(some.position) == 2 * GRID.count + 5).all()
    with pytest.raises(InputError, match="give other weights"):
        Walkers.start(geometry, np.ones(2), 0.1, 10.0, -weight, np.random.default_rng(0))


def test_terrain_is_that_of_the_cell_and_points_fill_their_cells() -> None:
    ground = WalkableGround.of(maps(np.zeros(GRID.shape)))
    points = ground.sample(4000, np.random.default_rng(1))
    assert (ground.terrain[GRID.index(points)] == np.floor((points[:, 1] + 16) / 4)).all()
    assert ground.is_free(points).all() and not ground.is_free(np.array([[16.5, 0.0], [0.0, -17.0]])).any()
    within = (points + 16) % 4
    assert np.abs(within.mean(axis=0) - 2.0).max() < 0.1 and within.std() == pytest.approx(
        4 / 12**0.5, rel=0.05
    )


@given(footprint=FOOTPRINTS.filter(lambda each: each.any()), seed=st.integers(0, 99))
def test_who_is_indoors_is_inside_a_building(footprint: np.ndarray, seed: int) -> None:
    points = inside_buildings(maps(footprint), 20, None, np.random.default_rng(seed))
    assert (footprint.ravel()[GRID.index(points)] == 1).all()


def test_indoors_by_weight_and_without_a_building() -> None:
    footprint, weight = np.eye(GRID.count), np.zeros(GRID.shape)
    weight[4, 4] = weight[0, 5] = 1.0
    points = inside_buildings(maps(footprint), 30, weight, np.random.default_rng(0))
    assert (GRID.index(points) == 4 * GRID.count + 4).all()
    with pytest.raises(InputError, match="no building has weight"):
        inside_buildings(maps(footprint), 1, 1 - footprint, np.random.default_rng(0))


def test_people_are_on_pavements_and_squares_and_not_on_water_or_indoors() -> None:
    footprint, road, kind, water, green = (np.zeros(GRID.shape) for _ in range(5))
    footprint[0, 0], water[0, 1], green[7, 7] = 1, 1, 1
    road[3], road[5] = 1, 1
    kind[3], kind[5] = ROAD_CLASSES.index("residential"), ROAD_CLASSES.index("pedestrian")
    distance = np.full(GRID.shape, 20.0)
    distance[4] = 4.0
    layers = {
        "road": road,
        "road_class": kind,
        "water": water,
        "vegetation": green,
        "road_distance": distance,
    }
    weight = presence(maps(footprint, **layers))
    assert weight[0, 0] == weight[0, 1] == 0
    assert weight[3, 2] == CARRIAGEWAY and weight[5, 2] == pytest.approx(PEDESTRIAN_AREA)
    assert weight[4, 2] == PAVEMENT and weight[7, 7] == GREEN and weight[7, 0] == 1
    # A map that does not know its roads says where buildings are, and nothing else.
    assert (presence(maps(footprint, water=water)) == (footprint == 0)).all()


def trajectories(lengths: list[int], seed: int) -> Trajectories:
    generator, total = np.random.default_rng(seed), sum(lengths)
    time = np.concatenate([np.cumsum(generator.uniform(0.2, 2.0, length)) for length in lengths])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    time -= np.repeat(time[starts[:-1]], lengths)
    return Trajectories(starts, time, generator.uniform(-50, 50, (total, 3)))


@given(lengths=st.lists(st.integers(1, 6), min_size=2, max_size=7), seed=st.integers(0, 99), data=st.data())
def test_some_sequences_are_those_of_the_whole(lengths: list[int], seed: int, data: st.DataObject) -> None:
    whole = trajectories(lengths, seed)
    first = data.draw(st.integers(0, len(lengths) - 1))
    last = data.draw(st.integers(first, len(lengths) - 1))
    some, rows = select_sequences(whole, np.arange(first, last + 1))
    assert (
        len(some) == last + 1 - first and np.diff(some.report_offsets).tolist() == lengths[first : last + 1]
    )
    np.testing.assert_array_equal(some.position, whole.position[rows])
    np.testing.assert_allclose(velocities(some), velocities(whole)[rows])


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=7), seed=st.integers(0, 99), data=st.data())
def test_kept_reports_begin_at_zero_and_keep_their_distances(
    lengths: list[int], seed: int, data: st.DataObject
) -> None:
    whole = trajectories(lengths, seed)
    kept = np.array(sorted(data.draw(st.sets(st.integers(0, len(whole.time) - 1), min_size=1))))
    some = keep_reports(whole, kept)
    sequence = np.repeat(np.arange(len(lengths)), lengths)[kept]
    assert np.diff(some.report_offsets).tolist() == np.unique(sequence, return_counts=True)[1].tolist()
    assert (some.time[some.report_offsets[:-1]] == 0).all()
    same = np.diff(sequence) == 0
    np.testing.assert_allclose(np.diff(some.time)[same], np.diff(whole.time[kept])[same], atol=1e-9)
