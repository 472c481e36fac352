"""Knife-edge diffraction against ITU-R P.526 and geometry."""

from __future__ import annotations

import numpy as np
import pytest

from propagation_fixtures import FREQUENCY, TILE, box, materials, rasterized_maps, scene, tracer
from raylocus.propagation.atlas import OVER_ROOFTOP, SPECULAR
from raylocus.propagation.over_rooftop import knife_edge_loss, over_rooftop_paths
from raylocus.propagation.trace import TraceConfiguration

WAVELENGTH = materials().wavelength


@pytest.mark.parametrize(("nu", "loss"), [(-1.0, 0.0), (0.0, 6.03), (1.0, 13.9), (2.4, 20.6), (10.0, 32.9)])
def test_knife_edge_is_the_fresnel_integral(nu: float, loss: float) -> None:
    # The exact Fresnel integral, 20·log10 of |(1+j)/2 ∫_ν^∞ exp(−jπt²/2) dt|; P.526 eq. 31 is within 0.5 dB.
    from scipy.special import fresnel

    sine, cosine = fresnel(nu)
    exact = -20 * np.log10(np.abs((0.5 - cosine) - 1j * (0.5 - sine)) / np.sqrt(2))
    ours = float(knife_edge_loss(np.array([nu]))[0])
    assert ours == pytest.approx(loss, abs=0.15)
    if nu >= 0:
        assert ours == pytest.approx(exact, abs=0.5)


def test_one_wall_is_one_knife_edge_with_bullingtons_correction() -> None:
    surface = np.zeros(TILE.shape)
    surface[:, 16] = 25.0  # a wall at x = +1
    site, point = np.array([-21.0, 1.0, 20.0]), np.array([[25.0, 1.0, 1.5]])
    over = over_rooftop_paths(site, point, surface, TILE, WAVELENGTH)
    before, after = 22.0, 24.0
    above = 25.0 - (20.0 + (1.5 - 20.0) * before / 46.0)
    nu = above * np.sqrt(2 * 46.0 / (WAVELENGTH * before * after))
    single = float(knife_edge_loss(np.array([nu]))[0])
    expected = single + (1 - np.exp(-single / 6)) * (10 + 0.02 * 0.046)
    assert over.blocked[0]
    assert over.loss_db[0] == pytest.approx(expected, abs=1.0)  # the profile reads the wall up to a cell off
    assert over.edge[0, 0] == pytest.approx(1.0, abs=2.5)
    assert over.edge[0, 2] == pytest.approx(25.0, abs=2.0)


def test_nothing_in_the_way_costs_nothing() -> None:
    over = over_rooftop_paths(
        np.array([-21.0, 1.0, 40.0]), np.array([[5.0, 1.0, 1.5]]), np.zeros(TILE.shape), TILE, WAVELENGTH
    )
    assert not over.blocked[0]
    assert over.loss_db[0] == pytest.approx(0.0, abs=1e-6)


def test_a_taller_wall_costs_more() -> None:
    losses = []
    for height in (15.0, 20.0, 30.0, 45.0):
        surface = np.zeros(TILE.shape)
        surface[:, 16] = height
        over = over_rooftop_paths(
            np.array([-21.0, 1.0, 20.0]), np.array([[25.0, 1.0, 1.5]]), surface, TILE, WAVELENGTH
        )
        losses.append(float(over.loss_db[0]))
    assert losses == sorted(losses)


def test_cells_out_of_sight_are_served_over_the_roof_and_only_those() -> None:
    block = scene(box((-4, -20), (8, 20), 18))
    site = np.array([-25.0, 1.0, 22.0])
    atlas = tracer(block, TraceConfiguration(depth=1)).trace(0, site)
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
    assert FREQUENCY == pytest.approx(materials().frequency)
