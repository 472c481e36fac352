"""Parts of a generated town: what a block is filled with, how streets run, what ground and trees keep to."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, STRtree

from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.towns.fill_blocks import (
    SMALLEST_TOWER_FLOOR,
    BuiltLots,
    CourtyardHouses,
    PerimeterBlocks,
)
from raylocus.scenes.towns.fill_streets import BuildingRows, StreetHouses
from raylocus.scenes.towns.frames import PRECISION, Boxes, fit_to_build, rotate, shrink, square
from raylocus.scenes.towns.generate import STYLES
from raylocus.scenes.towns.landscape import draw_terrain, draw_water, dry_land, plant, quay_streets
from raylocus.scenes.towns.street_grid import StreetGrid, StreetTree
from raylocus.scenes.towns.street_old_town import StreetStar, StreetWeb
from raylocus.scenes.towns.style import (
    BUNGALOW,
    GARAGE,
    OLD_HOUSE,
    SLAB,
    TENEMENT,
    TOWER,
    BuildingType,
    Filling,
    Greenery,
    Relief,
    StreetPattern,
    pick,
    rectangular,
)
from raylocus.scenes.vector_map import ROAD_CLASSES

SEEDS = st.integers(0, 2**32)
FILLINGS: dict[str, Filling] = {
    "party walls": BuiltLots(OLD_HOUSE, lot_area=300.0),
    "towers": BuiltLots(OLD_HOUSE, lot_area=1800.0, gap=2.0, empty=0.1, tower=TOWER, tower_share=0.7),
    "perimeter": PerimeterBlocks(TENEMENT),
    "courts": CourtyardHouses(OLD_HOUSE),
    "houses": StreetHouses(BUNGALOW, shed=GARAGE, shed_share=0.6, turned=0.1),
    "rows": BuildingRows(SLAB, length=(30.0, 50.0), width=(11.0, 14.0), row_gap=25.0, turned=0.5),
}
PATTERNS: dict[str, StreetPattern] = {
    "grid": StreetGrid((120.0, 80.0), avenue_every=3),
    "staggered": StreetGrid((150.0, 70.0), staggered=True, missing=0.2, warp=25.0),
    "tree": StreetTree(),
    "star": StreetStar(),
    "web": StreetWeb((70.0, 50.0)),
}


def block_of(corners: int, wide: float, turn: float) -> Polygon:
    """A convex block: an ellipse's polygon of some corners, turned."""
    angle = turn + 2 * np.pi * np.arange(corners) / corners
    return Polygon(np.round(np.stack([wide * np.cos(angle), 45 * np.sin(angle)], axis=-1), 3))


BLOCKS = st.builds(block_of, st.integers(4, 8), st.floats(45, 110), st.floats(0, 1.5))


@pytest.mark.parametrize("name", FILLINGS)
@settings(max_examples=8)
@given(block=BLOCKS, seed=SEEDS)
def test_what_fills_a_block_stays_within_it_and_apart(name: str, block: Polygon, seed: int) -> None:
    structures = FILLINGS[name].fill(block, np.random.default_rng(seed))
    # To millimetres, as a town puts them: party walls that differ by rounding alone are too much for GEOS.
    footprints = shapely.set_precision([one.footprint for one in structures], PRECISION)
    assert shapely.is_valid(footprints).all()
    assert shapely.difference(shapely.union_all(footprints), shapely.buffer(block, 0.01)).area < 0.05
    first, second = STRtree(footprints).query(footprints, predicate="intersects")
    pairs = first < second
    assert (
        shapely.area(shapely.intersection(footprints[first[pairs]], footprints[second[pairs]])).max(initial=0)
        < 0.05
    )
    assert all(one.height > one.roof_height >= 0 and one.wall_material in MATERIALS for one in structures)


@settings(max_examples=15)
@given(block=BLOCKS, seed=SEEDS)
def test_a_perimeter_is_closed_about_an_open_court(block: Polygon, seed: int) -> None:
    closed = PerimeterBlocks(TENEMENT, depth=12.0, rear=0.0, gap=0.0)
    built = shapely.union_all([one.footprint for one in closed.fill(block, np.random.default_rng(seed))])
    assert shapely.intersection(built, shapely.buffer(block, -14.0, join_style="mitre")).area < 0.1
    rim = shapely.difference(block, shapely.buffer(block, -9.0, join_style="mitre"))
    assert shapely.difference(rim, built).area < 0.12 * rim.area


@settings(max_examples=15)
@given(block=BLOCKS, seed=SEEDS)
def test_towers_rise_from_podiums_that_reach_around_them(block: Polygon, seed: int) -> None:
    towers = BuiltLots(OLD_HOUSE, lot_area=2500.0, tower=TOWER, tower_share=1.0, tower_setback=4.0)
    structures = towers.fill(block, np.random.default_rng(seed))
    tall = [one.footprint for one in structures if one.height > 14 * TOWER.storey_height]
    low = [one for one in structures if one.height < 14 * TOWER.storey_height]
    assert tall and all(floor.area >= SMALLEST_TOWER_FLOOR for floor in tall)
    assert all(
        floor.distance(one.footprint.boundary) < 1e-2 or not one.footprint.intersects(floor)
        for floor in tall
        for one in low
    )
    assert all(shapely.distance(floor, block.exterior) >= 4.0 - 0.01 for floor in tall)


@settings(max_examples=15)
@given(block=BLOCKS, seed=SEEDS)
def test_houses_keep_their_distance_from_the_street_and_each_other(block: Polygon, seed: int) -> None:
    houses = StreetHouses(BUNGALOW, setback=6.0, gap=3.0, angled=0.0)
    footprints = [one.footprint for one in houses.fill(block, np.random.default_rng(seed))]
    assert footprints and all(one.distance(block.exterior) >= 1.0 - 1e-3 for one in footprints)
    first, second = STRtree(footprints).query(footprints, predicate="dwithin", distance=3.0 - 1e-3)
    assert (first == second).all()


@settings(max_examples=25)
@given(
    seed=SEEDS,
    storeys=st.floats(1, 20),
    spread=st.floats(0, 1),
    fewest=st.integers(1, 4),
    more=st.integers(0, 9),
)
def test_storeys_are_whole_and_within_their_limits(
    seed: int, storeys: float, spread: float, fewest: int, more: int
) -> None:
    kind = BuildingType(storeys, (("brick", 1.0),), spread, fewest, fewest + more, pitched=0.0)
    built = kind.erect([square(10.0)] * 30, np.random.default_rng(seed))
    number = np.array([one.height for one in built]) / kind.storey_height
    assert (np.floor(number + 1e-9) >= fewest).all() and (number < fewest + more + 1 / 3 + 0.01).all()
    assert {one.roof_shape for one in built} == {"flat"}


def test_only_rectangles_carry_pitched_roofs_which_rise_with_their_span() -> None:
    kind = BuildingType(3.0, (("brick", 1.0),), pitched=1.0, pitch=0.5)
    narrow, wide = shapely.box(0, 0, 20, 6), shapely.box(0, 0, 20, 12)
    bent = Polygon([(0, 0), (20, 0), (20, 6), (6, 6), (6, 12), (0, 12)])
    assert rectangular([narrow, wide, bent]).tolist() == [True, True, False]
    built = kind.erect([narrow, wide, bent], np.random.default_rng(0))
    assert [one.roof_height for one in built] == [1.5, 3.0, 0.0]
    assert [one.roof_shape == "flat" for one in built] == [False, False, True]


def test_names_are_picked_by_their_shares() -> None:
    picked = pick((("a", 3.0), ("b", 1.0), ("c", 0.0)), 4000, np.random.default_rng(0))
    assert picked.count("c") == 0 and picked.count("a") / 4000 == pytest.approx(0.75, abs=0.03)


@settings(max_examples=25)
@given(length=st.floats(6, 60), width=st.floats(6, 60), angle=st.floats(-3, 3), gap=st.floats(0.5, 2.5))
def test_a_shrunken_rectangle_is_smaller_by_the_gap_all_around(
    length: float, width: float, angle: float, gap: float
) -> None:
    corners = np.array([(0, 0), (length, 0), (length, width), (0, width)])
    turned = Polygon(rotate(corners, angle, np.array([5.0, -3.0])))
    [left] = shrink([turned], gap)
    box = Boxes.around([left])
    assert box.length[0] == pytest.approx(max(length, width) - 2 * gap, abs=0.02)
    assert box.width[0] == pytest.approx(min(length, width) - 2 * gap, abs=0.02)
    assert fit_to_build([turned], 0.9 * min(length, width)) == [turned]
    assert fit_to_build([turned], 1.1 * min(length, width)) == []


@functools.cache
def streets_of(name: str, seed: int) -> tuple:
    return tuple(PATTERNS[name].draw(500.0, 0.4, np.random.default_rng(seed)))


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("seed", range(3))
def test_streets_are_wider_between_the_houses_than_between_the_kerbs(name: str, seed: int) -> None:
    streets = streets_of(name, seed)
    assert len(streets) > 5 and all(one.corridor > one.width > 0 for one in streets)
    assert {one.road_class for one in streets} <= set(ROAD_CLASSES)
    assert all(one.line.length > 0 and one.line.is_valid for one in streets)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_street_can_be_reached_from_every_other(name: str) -> None:
    corridors = shapely.union_all([one.line.buffer(one.corridor / 2) for one in streets_of(name, 1)])
    town = shapely.intersection(corridors, square(450.0))
    parts = np.sort(shapely.area(shapely.get_parts(town)))
    assert parts[:-1].sum() < 0.02 * parts[-1]


def test_a_straight_grid_has_the_blocks_that_it_was_given() -> None:
    even = StreetGrid((100.0, 60.0), jitter=0.0, width=6.0, corridor=12.0)
    streets = even.draw(400.0, 0.0, np.random.default_rng(2))
    rows = sorted({one.line.bounds[1] for one in streets if one.line.bounds[1] == one.line.bounds[3]})
    columns = sorted({one.line.bounds[0] for one in streets if one.line.bounds[0] == one.line.bounds[2]})
    assert [high - low for low, high in pairwise(rows)] == pytest.approx([60.0] * (len(rows) - 1))
    assert [high - low for low, high in pairwise(columns)] == pytest.approx([100.0] * (len(columns) - 1))
    assert rows[0] <= -300 + 60 and rows[-1] >= 300 and columns[-1] >= 300


@settings(max_examples=10)
@given(seed=SEEDS, rise=st.floats(1, 40), orientation=st.floats(-3, 3))
def test_a_slope_without_hills_is_a_plane_across_the_streets(
    seed: int, rise: float, orientation: float
) -> None:
    terrain = draw_terrain(400.0, Relief(rise, 0.0), orientation, np.random.default_rng(seed))
    gradient = np.stack(np.gradient(terrain.height, terrain.grid.resolution)[::-1], axis=-1)
    uphill = rise / 400 * np.array([-np.sin(orientation), np.cos(orientation)])
    np.testing.assert_allclose(gradient, np.broadcast_to(uphill, gradient.shape), atol=2e-3)
    assert terrain.height.min() == 0
    assert not draw_terrain(400.0, None, orientation, np.random.default_rng(seed)).height.any()


@settings(max_examples=10)
@given(seed=SEEDS, share=st.floats(0.15, 0.4), orientation=st.floats(-3, 3))
def test_water_land_and_quay_keep_apart(seed: int, share: float, orientation: float) -> None:
    style = STYLES["waterfront"]
    water = draw_water(600.0, share, orientation, np.random.default_rng(seed))
    land = dry_land(style, water, 600.0)
    sea = shapely.union_all(water)
    assert sea.area + land.area < 600.0**2 and land.distance(sea) > 20.0
    quays = quay_streets(water, 600.0)
    assert quays and all(11.9 < one.line.distance(sea) < 12.1 for one in quays)
    assert (
        draw_water(600.0, 0.0, orientation, np.random.default_rng(seed)) == ()
        and quay_streets((), 600.0) == []
    )


def test_trees_are_as_many_as_sown_less_those_that_would_touch_something() -> None:
    greenery = Greenery(trees_per_hectare=200.0, crown_radius=(1.0, 1.0))
    open_land = plant(200.0, greenery, [], [], [], np.random.default_rng(0))
    house = shapely.box(-100, -100, 100, 0)
    half = plant(200.0, greenery, [], [], [house], np.random.default_rng(0))
    crown = shapely.Point(0, 0).buffer(1.0, quad_segs=2).area
    assert shapely.area(open_land).sum() == pytest.approx(800 * crown, rel=0.15)
    assert shapely.area(half).sum() == pytest.approx(400 * crown, rel=0.2)
    assert all(tree.distance(house) >= 0.45 for tree in half)
