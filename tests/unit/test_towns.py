from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shapely import STRtree

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.towns.frames import Warp, cut_into_lots
from raylocus.scenes.towns.generate import MARGIN, STYLES, generate_town
from raylocus.scenes.vector_map import ROAD_CLASSES, VectorMap

TILE = 128.0
#: What rounding to a millimetre makes of two buildings that share a wall [m²].
ROUNDING = 0.05
SEEDS = st.integers(0, 2**63)


@functools.cache
def one_town(style: str) -> VectorMap:
    return generate_town(style, 3, TILE)


def overlaps(town: VectorMap) -> float:
    """Largest area that two buildings share [m²]."""
    footprints = np.array([one.footprint for one in town.buildings])
    first, second = STRtree(footprints).query(footprints, predicate="intersects")
    pairs = first < second
    shared = shapely.area(shapely.intersection(footprints[first[pairs]], footprints[second[pairs]]))
    return float(shared.max(initial=0.0))


def town_bytes(town: VectorMap) -> bytes:
    shapes = [*(one.footprint for one in town.buildings), *(road.line for road in town.roads)]
    shapes += [*town.water, *town.vegetation]
    numbers = repr([(one.height, one.height_deviation, one.wall_material) for one in town.buildings]).encode()
    return b"".join([*map(shapely.to_wkb, shapes), numbers, town.terrain.height.tobytes()])


def town_digest(style: str) -> str:
    return hashlib.sha256(town_bytes(one_town(style))).hexdigest()


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=2, deadline=None, phases=[Phase.generate])
@given(seed=SEEDS)
def test_every_town_can_be_built(style: str, seed: int) -> None:
    town = generate_town(style, seed, TILE)
    footprints = [one.footprint for one in town.buildings]
    limit = shapely.box(*(np.array([-1, -1, 1, 1]) * (TILE / 2 + MARGIN + 1e-6)))
    assert all(shapely.is_valid(footprints))
    assert min(shapely.area(footprints)) > 5.0
    assert all(shapely.covers(limit, footprints))
    assert overlaps(town) < ROUNDING
    carriageways = [shapely.buffer(road.line, road.width / 2, cap_style="flat") for road in town.roads]
    for obstacle in (*carriageways, *town.water):
        assert shapely.area(shapely.intersection(obstacle, footprints)).max() < ROUNDING


@pytest.mark.parametrize("style", STYLES)
def test_every_building_is_wholly_described(style: str) -> None:
    town = one_town(style)
    assert len({one.identifier for one in town.buildings}) == len(town.buildings) >= 2
    for one in town.buildings:
        assert 0 <= one.roof_height < one.height < 400
        assert one.height_deviation > 0
        assert {one.wall_material, one.roof_material} <= set(MATERIALS)
        assert (one.roof_shape == "flat") == (one.roof_height == 0)
        assert one.height_source in ("height", "levels", "prior")
    assert town.roads
    assert all(road.road_class in ROAD_CLASSES for road in town.roads)


def test_a_seed_is_one_town_on_every_processor() -> None:
    # Without vector instructions they were others: a sine's last bit decided which side of a square lot was cut.
    script = "import test_towns as t; print(*(t.town_digest(style) for style in t.STYLES))"
    plain = {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Nehalem",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, env=os.environ | plain, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [town_digest(style) for style in STYLES]


@pytest.mark.parametrize("style", STYLES)
def test_another_seed_is_another_town(style: str) -> None:
    assert town_bytes(generate_town(style, 4, TILE)) != town_bytes(one_town(style))


@pytest.mark.parametrize("style", STYLES)
def test_trees_stand_clear_of_buildings_roads_and_water(style: str) -> None:
    town = one_town(style)
    assert all(shapely.is_valid(town.vegetation))
    obstacles = [one.footprint for one in town.buildings] + list(town.water)
    obstacles += [shapely.buffer(road.line, road.width / 2, cap_style="flat") for road in town.roads]
    crowns, _ = STRtree(obstacles).query(town.vegetation, predicate="intersects")
    assert len(crowns) == 0


def test_hills_are_where_they_belong() -> None:
    assert np.ptp(one_town("european-core").terrain.height) == 0.0
    terrain = generate_town("hill-town", 2, 400.0).terrain
    assert np.ptp(terrain.height) > 50.0
    steepest = (
        max(np.abs(np.diff(terrain.height, axis=axis)).max() for axis in (0, 1)) / terrain.grid.resolution
    )
    assert 0.1 < steepest < 0.6
    assert terrain.grid.size >= 400.0 + 2 * MARGIN


def test_only_a_waterfront_has_water() -> None:
    for style in STYLES:
        water = shapely.union_all(one_town(style).water).area
        assert (water > 0.1 * TILE**2) == (style == "waterfront")


def test_a_tile_of_any_size_is_filled() -> None:
    for size in (100.0, 333.3):
        town = generate_town("tower-grid", 1, size)
        extent = shapely.total_bounds([one.footprint for one in town.buildings])
        assert np.all(np.abs(extent) > 0.7 * (size / 2 + MARGIN))


@pytest.mark.parametrize(
    ("style", "seed", "size", "named"),
    [
        ("atlantis", 0, 512.0, "hill-town"),
        ("village", -1, 512.0, "the seed of a town is -1"),
        ("village", 0, 0.0, "size"),
    ],
)
def test_what_cannot_be_generated_is_named(style: str, seed: int, size: float, named: str) -> None:
    with pytest.raises(InputError, match=named):
        generate_town(style, seed, size)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, width=st.floats(20, 150), depth=st.floats(20, 90), area=st.floats(100, 1000))
def test_lots_tile_their_block(seed: int, width: float, depth: float, area: float) -> None:
    block = shapely.box(0, 0, width, depth)
    lots = cut_into_lots(block, area, 8.0, np.random.default_rng(seed))
    assert shapely.union_all(lots).area == pytest.approx(block.area)
    assert sum(lot.area for lot in lots) == pytest.approx(block.area)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, amplitude=st.floats(0, 60))
def test_bends_never_fold_the_plane(seed: int, amplitude: float) -> None:
    warp = Warp.sample(amplitude, np.random.default_rng(seed))
    points = np.random.default_rng(0).uniform(-500, 500, (200, 2))
    step = 1e-4
    east, north = ((warp(points + step * axis) - warp(points)) / step for axis in np.eye(2))
    assert np.all(east[:, 0] * north[:, 1] - east[:, 1] * north[:, 0] > 0)
