"""Walls that are thinner than a ground cell, against the knife edges of a thin screen, on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import Float
from scipy.special import fresnel

from propagation_fixtures import CONCRETE, box, materials, scene, tracer
from raylocus.geo import Grid
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.materials.knife_edge import cascaded_knife_edge_loss, knife_edge_loss
from raylocus.propagation.rays.launcher import RayScene
from raylocus.propagation.search.over_roofs.around_walls import around_paths
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration

SITE = np.array([-30.0, 0.0, 10.0])
WAVELENGTH = materials().wavelength
#: The finest grid and the others by the thickness of the wall.
CASES = [(0.1, 1.0), (0.1, 4.0), (1.0, 2.0), (1.5, 0.75), (1.5, 2.0), (3.5, 1.0), (3.5, 4.0), (5.0, 2.0)]
#: As far as a wall may be from a thin screen [dB].
TOLERANCE = 3.0


def edge_gain(nu: float) -> float:
    """Power over a knife edge relative to free space: Fresnel's integral, ITU-R P.526-15 §2.7 and §4.1."""
    sine, cosine = fresnel(nu)
    return float(((0.5 - cosine) ** 2 + (0.5 - sine) ** 2) / 2)


def screen_gain_db(point: Float[np.ndarray, "3"], height: float, half: float) -> float:
    """Path gain behind a thin screen across x = 0: over its top and around both its ends."""
    span = point - SITE
    length, share = np.linalg.norm(span), -SITE[0] / span[0]
    middle = SITE + share * span
    scale = np.sqrt(2 / WAVELENGTH / (length * share * (1 - share)))
    clearances = (height - middle[2], half - middle[1], half + middle[1])
    edges = sum(edge_gain(clearance * scale) for clearance in clearances)
    return float(20 * np.log10(WAVELENGTH / (4 * np.pi * length)) + 10 * np.log10(edges))


def traced(
    thickness: float, resolution: float, height: float, half: float, turn: float = 0.0
) -> tuple[Grid, PathAtlas]:
    """A wall across the way, on 72 m of ground."""
    wall = box((-thickness / 2, -half), (thickness / 2, half), height).reshape(-1, 3)
    cosine, sine = np.cos(turn), np.sin(turn)
    wall = wall @ np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    grid, settings = Grid(72.0, resolution), TraceConfiguration(depth=1, rays_per_cell=1.0)
    return grid, tracer(scene(wall.reshape(-1, 3, 3), material=CONCRETE), settings, grid).trace(0, SITE)


def gain_db(grid: Grid, atlas: PathAtlas, x: float, y: float) -> tuple[float, Float[np.ndarray, "3"]]:
    """Path gain of the ground cell at a point, mean of both polarisations, and where its middle is."""
    cell = int(grid.index(np.array([[x, y]]))[0])
    here = reorder(atlas, np.flatnonzero(atlas.ground_cell == cell))
    power = (np.abs(path_fields(here, here.materials)) ** 2).sum(axis=(1, 2)) / 2
    return float(10 * np.log10((power * here.visible).sum())), np.array([*grid.centres[cell], 1.5])


@pytest.mark.parametrize(("thickness", "resolution"), CASES)
@pytest.mark.parametrize(("height", "half"), [(12.0, 20.0), (20.0, 10.0)])
def test_a_wall_is_a_screen_on_every_grid(
    thickness: float, resolution: float, height: float, half: float
) -> None:
    grid, atlas = traced(thickness, resolution, height, half)
    for x, y in [(20.2, 0.2), (30.2, 0.2), (30.2, 5.2), (34.2, -3.8)]:
        found, point = gain_db(grid, atlas, x, y)
        assert found == pytest.approx(screen_gain_db(point, height, half), abs=TOLERANCE), (x, y)


@pytest.mark.parametrize("turn", [0.2, 0.7])
def test_a_wall_askew_of_the_grid_has_no_holes(turn: float) -> None:
    # The raster holds some cells of such a wall and not others.
    grid, atlas = traced(1.5, 2.0, 12.0, 20.0, turn)
    finer, fine = traced(1.5, 0.75, 12.0, 20.0, turn)
    for y in np.arange(-6.0, 6.1, 2.0):
        coarse, point = gain_db(grid, atlas, 25.0, y)
        # The middles of fine cells are a third of a metre next to it.
        assert coarse == pytest.approx(gain_db(finer, fine, point[0] + 0.1, point[1] + 0.1)[0], abs=1.0)


def over_two_walls(resolution: float) -> float:
    """Loss over two thin walls that no middle of a cell is in [dB], 20 m apart."""
    walls = [box((x - 0.05, -40), (x + 0.05, 40), height) for x, height in ((-9.9, 13.0), (9.9, 11.0))]
    grid, settings = Grid(72.0, resolution), TraceConfiguration(depth=0, diffraction=False)
    atlas = tracer(scene(*walls), settings, grid).trace(0, SITE)
    cell = grid.index(np.array([[34.1, 2.1]]))[0]
    return float(atlas.excess_loss_db[atlas.ground_cell == cell].min())


def test_two_thin_walls_are_two_edges() -> None:
    # Of the cell of 4 m the middle lies 0.1 m from the point, of that of 1 m 0.6 m.
    along = np.array([[0.0, 20.1, 39.9, 64.0]])
    edges = cascaded_knife_edge_loss(along, np.array([[10.0, 13.0, 11.0, 1.5]]), WAVELENGTH)[0]
    assert over_two_walls(4.0) == pytest.approx(edges, abs=0.3)
    assert over_two_walls(1.0) == pytest.approx(edges, abs=0.3)


def test_around_a_wall_and_back_is_the_same() -> None:
    ends = np.array([[-29.0, 3.0, 2.0], [31.0, -5.0, 3.0]])
    there, back = (
        around_paths(wall_rays(), end, other[None], WAVELENGTH) for end, other in (ends, ends[::-1])
    )
    for side, other in zip(there, back[::-1], strict=True):  # left is right on the way back
        assert len(side.cell) == 1
        assert side.paths.loss_db[0] == pytest.approx(other.paths.loss_db[0], abs=1e-2)
        assert side.paths.length[0] == pytest.approx(other.paths.length[0], abs=1e-3)
        np.testing.assert_allclose(side.paths.departure, -other.paths.arrival, atol=1e-3)


def test_the_way_around_goes_by_both_upright_edges_of_an_end() -> None:
    side = around_paths(wall_rays(), np.array([-30.0, 0.0, 1.5]), np.array([[30.0, 0.0, 1.5]]), WAVELENGTH)[0]
    assert side.paths.length[0] == pytest.approx(2 * np.hypot(29.0, 10.0) + 2.0, abs=1e-3)
    # One knife edge where the lines by both edges meet.
    nu = 300 / 29 * np.sqrt(2 * 60 / (WAVELENGTH * 30 * 30))
    assert side.paths.loss_db[0] == pytest.approx(float(knife_edge_loss(np.array(nu))), abs=1e-2)


def wall_rays() -> RayScene:
    """A wall of 2 m across the way, from −10 to 10 m."""
    triangles = scene(box((-1, -10), (1, 10), 20.0))
    return RayScene(Surfaces(triangles), np.full((4, 4), 1.5), Grid(96.0, 24.0))
