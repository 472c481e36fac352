"""Sites outside a tile: over open ground, over a ridge, and compared with a full trace of the same points."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import CONCRETE, TILE, box, materials, quad, tracer
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import OVER_ROOFTOP, SPECULAR, PathAtlas
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.knife_edge import fresnel_parameter, knife_edge_loss
from raylocus.propagation.search.far_sites import around_raster
from raylocus.propagation.search.over_roofs.over_rooftop import GroundBetween, far_paths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.scenes.configuration import FINE_REACH
from raylocus.scenes.triangles import Triangles

WAVELENGTH = materials().wavelength
SETTINGS = TraceConfiguration(depth=1)
#: Everything outdoors and flat, as far as the sites.
COARSE = Grid(8192.0, 16.0)


def wide(*blocks: np.ndarray, half: float = 600.0) -> Triangles:
    """Flat ground of concrete that reaches far beyond the tile, with blocks on it."""
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
    vertices = np.concatenate([quad(corners), *blocks])
    return Triangles(vertices, np.full(len(vertices), CONCRETE), np.arange(len(vertices)) < 2)


def between(triangles: Triangles, beyond: np.ndarray | None = None) -> GroundBetween:
    """The scene's own raster, as wide as the scene, and a coarse one."""
    height = np.zeros(COARSE.shape) if beyond is None else beyond
    return GroundBetween(around_raster(TILE, triangles, 1.5), SurfaceRaster(COARSE, height, height < 1))


def gain_db(atlas: PathAtlas) -> np.ndarray:
    """Path gain of each ground cell with a path, isotropic and vertical [dB]."""
    fields = path_fields(atlas, atlas.materials)[:, :, 0]
    power = (np.abs(fields) ** 2).sum(axis=1) * atlas.visible
    total = np.bincount(atlas.ground_cell, power, minlength=TILE.count**2)
    return 10 * np.log10(total[total > 0])


@pytest.mark.parametrize("x", [300.0, 3000.0])
def test_open_ground_is_the_straight_path_and_the_one_off_the_ground(x: float) -> None:
    site, triangles = np.array([x, 40.0, 25.0]), wide()
    atlas = tracer(triangles, SETTINGS).trace_far(0, site, between(triangles))
    assert set(atlas.kind.tolist()) == {SPECULAR}
    assert len(atlas.length) == 2 * TILE.count**2
    plan = np.linalg.norm(TILE.centres - site[:2], axis=1)
    direct = np.hypot(plan, 25.0 - 1.5)
    np.testing.assert_allclose(atlas.length[atlas.line_of_sight], direct, rtol=1e-9)
    np.testing.assert_allclose(atlas.length[~atlas.line_of_sight], np.hypot(plan, 25.0 + 1.5), rtol=1e-9)
    # Fresnel of a thick half-space is not asked for here: a full trace below has the same reflection.
    strongest = 20 * np.log10(WAVELENGTH / (4 * np.pi * direct))
    assert np.all(gain_db(atlas) >= strongest - 1e-6) and np.all(gain_db(atlas) <= strongest + 3.02)


def test_open_ground_from_outside_is_as_a_full_trace_has_it() -> None:
    site, triangles = np.array([310.0, 40.0, 25.0]), wide()
    tracing = tracer(triangles, SETTINGS)
    full = tracing.trace(0, site, around_raster(TILE, triangles, 1.5))
    far = tracing.trace_far(0, site, between(triangles))
    np.testing.assert_array_equal(full.ground_cell, far.ground_cell)
    np.testing.assert_allclose(gain_db(far), gain_db(full), atol=0.01)
    np.testing.assert_allclose(np.sort(far.length), np.sort(full.length), atol=1e-3)


def test_a_ridge_far_away_is_one_knife_edge() -> None:
    # A wall of 60 m across the way, 1 km before the tile and 2 km behind the site, in the coarse raster alone.
    ridge, site = np.zeros(COARSE.shape), np.array([3000.0, 0.0, 30.0])
    column = int(np.argmin(np.abs(COARSE.x_coordinates - 1000.0)))
    ridge[:, column] = 60.0
    point = np.array([[1.0, 1.0, 1.5]])
    found = far_paths(site, point, between(wide(), ridge), WAVELENGTH)
    assert found.obstacles[0] == 1
    away = 3000.0 - COARSE.x_coordinates[column]
    whole = float(np.linalg.norm(site[:2] - point[0, :2]))
    excess = 60.0 - (30.0 + (1.5 - 30.0) * away / whole)
    loss = knife_edge_loss(np.array([fresnel_parameter(excess, away, whole - away, WAVELENGTH)]))[0]
    # The profile is read within a cell's half of the wall, and the earth's bulge of 0.12 m is in it.
    assert found.loss_db[0] == pytest.approx(loss, abs=0.15)
    assert np.hypot(away, 30.0) + np.hypot(whole - away, 58.5) == pytest.approx(found.length[0], abs=0.5)


def test_a_house_before_the_tile_is_read_finely() -> None:
    # Its roof is in the fine raster only, within the last 200 m of the way.
    assert FINE_REACH > 60
    house = box((50, -60), (60, 60), 12)
    triangles, site = wide(house), np.array([2000.0, 0.0, 25.0])
    far = tracer(triangles, SETTINGS).trace_far(0, site, between(triangles))
    assert (far.kind == OVER_ROOFTOP).all()
    assert np.all(far.excess_loss_db > 6)


def test_three_hundred_metres_outside_is_as_a_full_trace() -> None:
    # Rows of houses between site and tile: the far treatment has the roofs, the full trace reflections as well.
    rows = [box((x, -300), (x + 12, 300), 10 + x % 7) for x in (40.0, 90.0, 140.0, 190.0, 240.0)]
    houses = [box((x, y), (x + 10, y + 10), 9) for x in (-20.0, 6.0) for y in (-24.0, 0.0, 20.0)]
    triangles, site = wide(*rows, *houses), np.array([332.0, 10.0, 28.0])
    tracing = tracer(triangles, TraceConfiguration(depth=3))
    full = tracing.trace(0, site, around_raster(TILE, triangles, 1.5))
    coarse = np.zeros(COARSE.shape)
    for x in (40.0, 90.0, 140.0, 190.0, 240.0):
        columns = (COARSE.x_coordinates > x - 8) & (COARSE.x_coordinates < x + 20)
        coarse[np.ix_(np.abs(COARSE.y_coordinates) < 300, columns)] = 10 + x % 7
    far = tracing.trace_far(0, site, between(triangles, coarse))
    np.testing.assert_array_equal(np.unique(full.ground_cell), np.unique(far.ground_cell))
    difference = gain_db(far) - gain_db(full)
    # No reflections: lower, by 2 dB in the middle and 8 dB at most where a wall of the tile sends something back.
    assert -4 < np.median(difference) < 1
    assert np.quantile(np.abs(difference), 0.9) < 10
