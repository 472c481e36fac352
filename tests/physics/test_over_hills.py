"""The over-rooftop path over hills: a rounded top is one obstacle, hills with a valley between them are several."""

from __future__ import annotations

import numpy as np
import pytest

from raylocus.geo import Grid
from raylocus.propagation.materials.knife_edge import knife_edge_loss
from raylocus.propagation.search.over_roofs.over_rooftop import RooftopPaths, over_rooftop_paths
from raylocus.propagation.search.over_roofs.profiles import SurfaceRaster
from raylocus.units import SPEED_OF_LIGHT

WAVELENGTH = SPEED_OF_LIGHT / 3.5e9
SITE, UE = np.array([-201.0, 1.0, 25.0]), np.array([[211.0, 1.0, 1.5]])


def over(tops: dict[float, float], resolution: float = 2.0, breadth: float = 20.0) -> RooftopPaths:
    """The path over ridges from south to north, by their place from west to east and their height [m]."""
    grid = Grid(512.0, resolution)
    x = grid.x_coordinates
    profile = sum(top * np.exp(-(((x - place) / breadth) ** 2) / 2) for place, top in tops.items())
    height = np.broadcast_to(profile, grid.shape).astype(float)
    return over_rooftop_paths(SITE, UE, SurfaceRaster(grid, height, np.ones(grid.shape, bool)), WAVELENGTH)


@pytest.mark.parametrize("resolution", [2.0, 4.0, 8.0])
def test_a_rounded_hill_is_one_obstacle(resolution: float) -> None:
    path = over({0.0: 40.0}, resolution)
    near, far = -SITE[0], UE[0, 0]
    over_chord = 40.0 - (25.0 + (1.5 - 25.0) * near / (near + far))
    loss = knife_edge_loss(np.array(over_chord * np.sqrt(2 / WAVELENGTH * (1 / near + 1 / far))))
    assert path.obstacles.tolist() == [1]
    # The lines to and from the hill meet above its top: a little more than the knife edge at the top itself.
    assert -0.5 < path.loss_db[0] - loss < 2.0


def test_hills_with_a_valley_between_them_are_two() -> None:
    assert over({-60.0: 40.0, 60.0: 40.0}).obstacles.tolist() == [2]


def test_a_dent_in_a_hilltop_is_no_valley() -> None:
    """Two tops that run into each other, with 0.6 m between them."""
    assert over({-22.0: 30.0, 22.0: 30.0}, breadth=20.3).obstacles.tolist() == [1]


def test_level_ground_is_no_obstacle() -> None:
    path = over({0.0: 0.0})
    assert path.obstacles.tolist() == [0] and path.loss_db.tolist() == [0.0]
