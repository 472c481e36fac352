"""Trees attenuate what passes their crowns, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from raylocus.geo import Grid
from raylocus.propagation.search.passed_through import CROWN_BASE, CROWN_TOP, Canopy, vegetation_loss

GRID = Grid(200.0, 2.0)


def canopy(surface: np.ndarray | None = None) -> Canopy:
    """A wood east of x = 0 on flat ground."""
    x = np.broadcast_to(GRID.x_coordinates, GRID.shape)
    flat = np.zeros(GRID.shape)
    return Canopy((x > 0).astype(float), flat, flat if surface is None else surface, GRID)


@pytest.mark.parametrize(
    ("megahertz", "rate", "largest"),
    [(105.9, 0.04, 9.4), (949.0, 0.17, 26.5), (1852.2, 0.30, 29.0), (2117.5, 0.34, 34.1)],
)
def test_the_loss_is_the_recommendations(megahertz: float, rate: float, largest: float) -> None:
    """ITU-R P.833-10 Table 1; the power laws are within a seventh of its lines."""
    short, endless = vegetation_loss(np.array([0.01, 1e4]), megahertz * 1e6)
    assert short / 0.01 == pytest.approx(rate, rel=0.15)
    assert endless == pytest.approx(largest, rel=0.15)


@pytest.mark.parametrize("elevation", [15.0, 30.0, 60.0])
def test_a_slanted_ray_crosses_the_height_of_the_crowns(elevation: float) -> None:
    angle = np.deg2rad(elevation)
    ray = np.array([[np.cos(angle), 0.0, np.sin(angle)]])
    depth = canopy().depth(np.array([[10.0, 0.0, 1.5]]), ray, np.array([500.0]))
    assert depth[0] == pytest.approx((CROWN_TOP - CROWN_BASE) / np.sin(angle), abs=2.0)


def test_no_tree_no_loss() -> None:
    start, length = np.array([[-10.0, 0.0, 1.5]]), np.array([500.0])
    away, into = np.array([[-0.8, 0.0, 0.6]]), np.array([[0.96, 0.0, 0.28]])
    assert canopy().depth(start, away, length)[0] == 0
    assert canopy().depth(start, into, length)[0] > 20
    # The last leg ends at a wall, before the trees behind it, and where the antenna stands.
    wall = np.where(np.abs(GRID.x_coordinates + 5) < 1.5, 30.0, 0.0) * np.ones((GRID.count, 1))
    assert canopy(wall).depth(start, into, length)[0] == 0
    assert canopy().depth(start, into, np.array([8.0]))[0] == 0
