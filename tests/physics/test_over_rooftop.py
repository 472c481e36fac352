"""Paths over the roofs: strings over a raster, buildings as knife edges, and the field they carry."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import TILE, box, materials, rasterized_maps, scene, tracer
from raylocus.propagation.atlas.atlas import DIFFRACTED, OVER_ROOFTOP, SPECULAR
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.knife_edge import cascaded_knife_edge_loss
from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths, over_rooftop_paths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

WAVELENGTH = materials().wavelength
#: A profile between them is read at the middles of the cells.
SITE, POINT = np.array([-32.0, 1.0, 20.0]), np.array([[32.0, 1.0, 1.5]])


def over(surface: np.ndarray, site: np.ndarray = SITE, point: np.ndarray = POINT) -> RooftopPaths:
    return over_rooftop_paths(site, point, SurfaceRaster(TILE, surface, surface < 1), WAVELENGTH)


def town(*blocks: tuple[float, float, float]) -> np.ndarray:
    """Blocks from x to x of a height, across the tile."""
    surface = np.zeros(TILE.shape)
    for low, high, height in blocks:
        surface[:, (TILE.x_coordinates > low) & (TILE.x_coordinates < high)] = height
    return surface


def row_of_edges(*points: tuple[float, float]) -> float:
    """Loss over edges at (x, z) between site and UE."""
    line = np.array([(SITE[0], SITE[2]), *points, (POINT[0, 0], POINT[0, 2])])
    return float(cascaded_knife_edge_loss(line[None, :, 0] - SITE[0], line[None, :, 1], WAVELENGTH)[0])


def test_a_thin_wall_is_one_knife_edge() -> None:
    found = over(town((0, 2, 25.0)))
    assert found.obstacles[0] == 1
    assert found.loss_db[0] == pytest.approx(row_of_edges((1.0, 25.0)), abs=1e-6)
    up, down = np.hypot(33.0, 5.0), np.hypot(31.0, 23.5)
    assert found.length[0] == pytest.approx(up + down, abs=1e-6)
    np.testing.assert_allclose(found.departure[0], [33 / up, 0, 5 / up], atol=1e-6)
    np.testing.assert_allclose(found.arrival[0], [31 / down, 0, -23.5 / down], atol=1e-6)


def test_two_buildings_are_two_edges_and_one_wide_building_is_one() -> None:
    # A street between them keeps two walls apart; a roof joins them, where its two tangents meet.
    apart, joined = over(town((-14, -12, 26.0), (8, 10, 24.0))), over(town((-14, 10, 26.0)))
    assert (apart.obstacles[0], joined.obstacles[0]) == (2, 1)
    assert apart.loss_db[0] == pytest.approx(row_of_edges((-13.0, 26.0), (9.0, 24.0)), abs=1e-6)
    rising, falling = (26 - 20) / (-13.0 + 32), (26 - 1.5) / (32 - 9.0)
    met = (falling * 32 + 1.5 - rising * 32 - 20) / (rising + falling)
    vertex = (met, 20 + rising * (met + 32))
    assert joined.loss_db[0] == pytest.approx(row_of_edges(vertex), abs=1e-6)


def test_a_pitched_roof_is_one_edge_and_not_one_a_cell() -> None:
    ridge = town(*((x, x + 2, 24.0 - 0.5 * abs(x + 1)) for x in range(-6, 6, 2)))
    assert over(ridge).obstacles[0] == 1


def test_lower_walls_under_the_string_change_nothing() -> None:
    alone, crowded = over(town((0, 2, 25.0))), over(town((-20, -16, 12.0), (0, 2, 25.0), (12, 14, 6.0)))
    assert crowded.loss_db[0] == alone.loss_db[0]
    assert crowded.obstacles[0] == 1


@pytest.mark.parametrize("beyond", [0.0, 4.0, 20.0])
def test_the_string_ends_at_the_ue_below_a_tower(beyond: float) -> None:
    # From a tower's edge the string falls steeply; what is read behind the UE, for a longer way, is not in its way.
    point = np.array([[32.0 - beyond, 1.0, 1.5], [31.0, -31.0, 1.5]])
    found = over(town((28 - beyond, 30 - beyond, 1000.0)), point=point)
    edge = np.array([29.0 - beyond, 1000.0])
    ends = np.array([SITE[[0, 2]], point[0, [0, 2]]])
    assert found.obstacles[0] == 1
    assert found.length[0] == pytest.approx(np.linalg.norm(ends - edge, axis=1).sum(), abs=2.0)


def test_nothing_in_the_way_costs_nothing() -> None:
    found = over(np.zeros(TILE.shape))
    assert (found.obstacles[0], found.loss_db[0]) == (0, 0.0)
    assert found.length[0] == pytest.approx(np.linalg.norm(POINT[0] - SITE))


def test_a_taller_wall_costs_more() -> None:
    losses = [float(over(town((0, 2, height))).loss_db[0]) for height in (15.0, 20.0, 30.0, 45.0)]
    assert losses == sorted(losses)


def test_cells_in_any_order_get_the_same_path() -> None:
    surface = town((-14, -12, 26.0), (8, 10, 24.0))
    cells = np.flatnonzero(surface.ravel() < 1)
    point = np.column_stack([TILE.centres[cells], np.full(len(cells), 1.5)])
    order = np.random.default_rng(0).permutation(len(cells))
    whole, shuffled = over(surface, point=point), over(surface, point=point[order])
    np.testing.assert_array_equal(whole.loss_db[order], shuffled.loss_db)
    alone = [float(over(surface, point=point[cell, None]).loss_db[0]) for cell in order[:20]]
    np.testing.assert_array_equal(alone, whole.loss_db[order[:20]])


def test_the_field_turns_with_the_ray_and_loses_nothing_but_the_loss() -> None:
    block = scene(box((-4, -20), (8, 20), 18))
    atlas = tracer(block, TraceConfiguration(depth=0, diffraction=False)).trace(
        0, np.array([-25.0, 1.0, 22.0])
    )
    chosen = atlas.kind == OVER_ROOFTOP
    gain = np.abs(path_fields(atlas, materials())[chosen]) ** 2
    free = (WAVELENGTH / (4 * np.pi * atlas.length[chosen])) ** 2 * 10 ** (-atlas.excess_loss_db[chosen] / 10)
    for polarization in range(2):
        np.testing.assert_allclose(gain[:, :, polarization].sum(axis=1), free, rtol=1e-4)


def test_one_edge_in_sight_is_not_counted_twice() -> None:
    block, site = scene(box((-4, -30), (8, 30), 18)), np.array([-25.0, 1.0, 22.0])
    both = tracer(block, TraceConfiguration(depth=0, dynamic_range_db=200.0)).trace(0, site)
    cell = TILE.index(np.array([[13.0, 1.0]]))[0]
    kinds = both.kind[both.ground_cell == cell]
    assert DIFFRACTED in kinds
    assert OVER_ROOFTOP not in kinds


def test_cells_out_of_sight_are_served_over_the_roof_and_only_those() -> None:
    block = scene(box((-4, -20), (8, 20), 18))
    site = np.array([-25.0, 1.0, 22.0])
    atlas = tracer(block, TraceConfiguration(depth=1, diffraction=False)).trace(0, site)
    maps = rasterized_maps(block, TILE)
    outdoor = np.flatnonzero(maps["footprint"].values.ravel() == 0)
    served = np.isin(outdoor, atlas.ground_cell)
    assert served.mean() > 0.995
    behind = TILE.index(np.array([[13.0, 1.0]]))[0]
    kinds = atlas.kind[atlas.ground_cell == behind]
    assert OVER_ROOFTOP in kinds
    in_front = TILE.index(np.array([[-15.0, 1.0]]))[0]
    direct = (atlas.ground_cell == in_front) & (atlas.kind == SPECULAR) & (atlas.interactions == 0)
    rooftop = (atlas.ground_cell == in_front) & (atlas.kind == OVER_ROOFTOP)
    assert atlas.visible[direct].sum() + atlas.visible[rooftop].sum() == pytest.approx(1.0, abs=1e-6)
    # Going over the edge is longer than the straight line and arrives from above.
    path = np.flatnonzero((atlas.ground_cell == behind) & (atlas.kind == OVER_ROOFTOP))[0]
    straight = np.linalg.norm(np.array([13.0, 1.0, 1.5]) - site)
    assert atlas.length[path] >= straight
    assert atlas.arrival[path, 2] < -0.3
