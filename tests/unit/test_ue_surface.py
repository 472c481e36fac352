"""Where rays cross the surface on which UEs are."""

from __future__ import annotations

import numpy as np

from raylocus.geo import Grid
from raylocus.propagation.rays.ue_surface import UeSurface
from raylocus.propagation.runtime.runtime import activate

GRID = Grid(64.0, 1.0)
HEIGHT = 3.0


def crossed(surface: np.ndarray, slope: float, limit: float) -> tuple[list[int], list[int]]:
    """Columns in which two rays, side by side along x, cross a surface, and their numbers."""
    activate()
    import mitsuba as mi

    direction = np.array([1.0, 0.0, slope]) / np.hypot(1, slope)
    origin = mi.Point3f([-31.9, -31.9], [0.5, 2.5], [HEIGHT, HEIGHT])
    ray = mi.Ray3f(origin, mi.Vector3f(*direction.tolist()))
    found = list(UeSurface(surface, GRID).crossings(ray, mi.Float([limit, limit]), mi.UInt([7, 8])))
    cells, numbers = (np.concatenate(column) for column in zip(*found, strict=True))
    assert set(cells // GRID.count) <= {32, 34}
    return (cells[numbers == 7] % GRID.count).tolist(), numbers.tolist()


def test_on_waves_every_crossing_counts() -> None:
    """A level ray through z = sin(2πx/16) about its height crosses every 8 m."""
    x, _ = np.meshgrid(GRID.x_coordinates, GRID.y_coordinates)
    columns, numbers = crossed(HEIGHT + np.sin(2 * np.pi * (x - 0.7) / 16), 0.0, 100.0)
    expected = np.arange(0, 64, 8)
    assert columns == expected.tolist()
    assert numbers.count(8) == len(expected)


def test_nothing_is_crossed_behind_the_end() -> None:
    x, _ = np.meshgrid(GRID.x_coordinates, GRID.y_coordinates)
    columns, _ = crossed(HEIGHT + np.sin(2 * np.pi * (x - 0.7) / 16), 0.0, 20.0)
    assert columns == [0, 8, 16]


def test_level_ground_is_crossed_once() -> None:
    columns, numbers = crossed(np.full(GRID.shape, 1.5), -0.1, 100.0)
    assert columns == [15] and sorted(numbers) == [7, 8]
