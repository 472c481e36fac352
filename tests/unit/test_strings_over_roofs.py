"""Strings over roofs: what profiles read, when edges are one obstacle, and far ways next to near ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raylocus.geo import Grid
from raylocus.propagation.materials.knife_edge import (
    cascaded_knife_edge_loss,
    fresnel_parameter,
    knife_edge_loss,
)
from raylocus.propagation.search.over_roofs.over_rooftop import (
    EFFECTIVE_EARTH,
    GroundBetween,
    far_paths,
    far_profiles,
    isolated_obstacles,
    over_rooftop_paths,
)
from raylocus.propagation.search.over_roofs.profiles import (
    Profiles,
    SurfaceRaster,
    height_read,
    plan_distance,
    read_profiles,
)
from raylocus.propagation.search.over_roofs.roof_profile import Strings, stretched_strings, strings_over
from raylocus.scenes.configuration import FINE_REACH

TILE = Grid(200.0, 2.0)
WAVELENGTH = 0.086
SITE = np.array([-90.0, 0.0, 30.0])
UE = np.array([[90.0, 0.0, 1.5]])


def raster(*houses: tuple[float, float, float], grid: Grid = TILE) -> SurfaceRaster:
    """Flat ground with houses across the way: from x to x, and their height."""
    height = np.zeros(grid.shape)
    for west, east, top in houses:
        height[:, (grid.x_coordinates > west) & (grid.x_coordinates < east)] = top
    return SurfaceRaster(grid, height, height == 0)


@given(st.floats(-95, 95), st.floats(-95, 95))
def test_a_distance_in_plan_has_no_height_and_is_never_nothing(x: float, y: float) -> None:
    found = plan_distance(np.array([x, y, 50.0]), np.array([[0.0, 0.0, 1.5], [x, y, 0.0]]))
    assert found[0] == pytest.approx(max(np.hypot(x, y), 1e-9)) and found[1] == 1e-9


def test_a_profile_reads_what_stands_in_the_way_but_not_at_its_ends() -> None:
    profile = read_profiles(SITE, UE, raster((-10, 10, 20.0), (85, 95, 9.0), (-95, -85, 26.0)))
    near = (profile.along < 2) | (profile.along > 178)
    assert np.all(profile.height[near] == -np.inf)
    read = profile.height[0, (profile.along[0] > 82) & (profile.along[0] < 98)]
    assert np.all(read == 20.0)
    # Open ground is counted up to each step; a house has none.
    steps = np.diff(profile.open_before[0], prepend=0)
    assert np.array_equal(steps[~near[0]] > 0, profile.height[0, ~near[0]] == 0)
    chosen = profile.select(np.array([0, 0]))
    assert chosen.along.shape == (2, profile.along.shape[1]) and chosen.half_step.shape[0] == 2


def test_the_most_that_is_read_near_a_place_on_the_way() -> None:
    way = raster((-10, 10, 20.0), (40, 44, 25.0))
    found = height_read(SITE, np.repeat(UE, 3, axis=0), way, np.array([90.0, 130.0, 60.0]), 6.0)
    assert found.tolist() == [20.0, 25.0, 0.0]


def test_a_string_bends_at_both_edges_of_a_flat_roof_and_that_is_one_obstacle() -> None:
    strings = stretched_strings(SITE, UE, raster((-10, 10, 40.0)))
    points = np.isfinite(strings.along[0]).sum()
    assert points == 4 and np.allclose(strings.height[0, 1:3], 40)
    assert strings.along[0, 1] == pytest.approx(80, abs=2) and strings.along[0, 2] == pytest.approx(
        100, abs=2
    )
    obstacles = isolated_obstacles(strings)
    assert np.isfinite(obstacles.along[0]).sum() == 3
    # Where the lines before and after the roof meet: above it, between its edges.
    assert 80 < obstacles.along[0, 1] < 100 and obstacles.height[0, 1] > 40


def test_houses_with_open_ground_between_them_are_several_obstacles() -> None:
    one = over_rooftop_paths(SITE, UE, raster((-10, 10, 40.0)), WAVELENGTH)
    two = over_rooftop_paths(SITE, UE, raster((-60, -50, 40.0), (50, 60, 40.0)), WAVELENGTH)
    none = over_rooftop_paths(SITE, UE, raster((-10, 10, 5.0)), WAVELENGTH)
    assert (one.obstacles[0], two.obstacles[0], none.obstacles[0]) == (1, 2, 0)
    assert none.loss_db[0] == 0 and none.length[0] == pytest.approx(np.hypot(180, 28.5))
    assert two.loss_db[0] > 10 and one.length[0] > none.length[0]
    for found in (one, two, none):
        assert np.allclose(np.linalg.norm(found.departure, axis=1), 1)
        assert found.arrival[0, 2] < 0 and found.departure[0, 0] > 0 and abs(found.departure[0, 1]) < 1e-9


@settings(max_examples=40)
@given(st.floats(20, 160), st.floats(0, 60), st.floats(5, 40))
def test_one_edge_is_the_recommendations_and_has_no_spreading(
    along: float, height: float, end: float
) -> None:
    found = cascaded_knife_edge_loss(
        np.array([[0.0, along, 180.0]]), np.array([[30.0, height, end]]), WAVELENGTH
    )
    line = 30 + (end - 30) * along / 180
    nu = fresnel_parameter(height - line, along, 180 - along, WAVELENGTH)
    assert found[0] == pytest.approx(float(knife_edge_loss(np.array(nu))), abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(2, 40), st.floats(31, 60)), min_size=1, max_size=4))
def test_a_row_of_edges_is_the_same_seen_from_either_end(edges: list[tuple[float, float]]) -> None:
    along = np.cumsum([0.0, *(step for step, _ in edges), 10.0])
    height = np.array([30.0, *(top for _, top in edges), 30.0])
    there = cascaded_knife_edge_loss(along[None], height[None], WAVELENGTH)
    back = cascaded_knife_edge_loss((along[-1] - along[::-1])[None], height[None, ::-1], WAVELENGTH)
    assert there[0] == pytest.approx(back[0], abs=1e-9)
    padded = cascaded_knife_edge_loss(
        np.append(along, [np.nan])[None], np.append(height, [np.nan])[None], WAVELENGTH
    )
    assert padded[0] == pytest.approx(there[0], abs=1e-9)


def test_nearly_straight_edges_leave_no_corner_outside_of_them() -> None:
    along = np.array([[0.0, 50.0, 60.0, 100.0]])
    strings = Strings(along, 0.1 * along, np.array([[False, True, False, True]]))
    obstacles = isolated_obstacles(strings)
    assert 50 <= obstacles.along[0, 1] <= 60 and obstacles.height[0, 1] == pytest.approx(
        0.1 * obstacles.along[0, 1]
    )


# From far outside.

FAR = np.array([-2000.0, 0.0, 40.0])
WIDE = Grid(4608.0, 16.0)


def between(*houses: tuple[float, float, float]) -> GroundBetween:
    return GroundBetween(raster(*houses), raster(*houses, grid=WIDE))


def test_a_far_way_is_read_finely_before_the_ue_and_coarsely_before_that() -> None:
    profile = far_profiles(FAR, UE, between((-10, 10, 20.0)))
    assert isinstance(profile, Profiles)
    back = 2090.0 - profile.along[0]
    assert (np.diff(profile.along[0]) > 0).all()
    assert np.allclose(np.diff(back[back < FINE_REACH - 2]), -2) and np.allclose(
        np.diff(back[back > FINE_REACH + 16]), -16
    )
    # Over flat ground the earth's bulge is all that is read.
    flat = far_profiles(FAR, UE, between())
    inside = np.isfinite(flat.height[0])
    bulge = flat.along[0] * (2090.0 - flat.along[0]) / (2 * EFFECTIVE_EARTH)
    assert np.allclose(flat.height[0, inside], bulge[inside])


def test_a_house_before_the_ue_costs_from_afar_what_it_costs_by_the_fine_raster() -> None:
    houses = ((40.0, 50.0, 20.0),)
    near = over_rooftop_paths(np.array([-90.0, 0.0, 40.0]), UE, raster(*houses), WAVELENGTH)
    far = far_paths(FAR, UE, between(*houses), WAVELENGTH)
    assert (near.obstacles[0], far.obstacles[0]) == (1, 1)
    # From afar the ray comes in flatter, and is bent by more; both are of one house.
    assert near.loss_db[0] < far.loss_db[0] < near.loss_db[0] + 12
    strings = strings_over(far_profiles(FAR, UE, between(*houses)), FAR, UE)
    assert strings.along[0, 0] == 0 and np.nanmax(strings.along[0]) == pytest.approx(2090.0)


def test_without_points_there_are_no_paths() -> None:
    found = far_paths(FAR, np.zeros((0, 3)), between(), WAVELENGTH)
    assert len(found.loss_db) == 0 and found.departure.shape == (0, 3)
