"""Triangles to height maps: a z-buffer seen from straight above."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.ragged import Rows
from raylocus.scenes.triangles import Triangles

#: Triangles whose plan area is below this [m²] are walls: they have no height of their own.
SMALLEST_PLAN_AREA = 1e-6
#: A cell centre this share of a triangle outside its edge still belongs to it, so that neighbours leave no gap.
EDGE = 1e-9


def topmost_surface(
    triangles: Triangles, grid: Grid
) -> tuple[Float[np.ndarray, "y x"], Int[np.ndarray, "y x"]]:
    """Height [m] of the topmost surface above each cell centre, and the index of its triangle.

    Cells with nothing below are NaN and −1.
    """
    triangle, cell, height = _plan_hits(triangles.vertices, grid)
    surface = np.full(grid.count**2, np.nan)
    owner = np.full(grid.count**2, -1, np.int32)
    surface[cell], owner[cell] = height, triangle
    # Where several meet, the last that is written stays: the highest, and of equals the later triangle.
    shared = np.zeros(grid.count**2, bool)
    shared[cell[owner[cell] != triangle]] = True
    several = np.flatnonzero(shared[cell])
    upwards = several[np.argsort(height[several], kind="stable")]
    surface[cell[upwards]], owner[cell[upwards]] = height[upwards], triangle[upwards]
    return surface.reshape(grid.shape), owner.reshape(grid.shape)


def _plan_hits(
    vertices: Float[np.ndarray, "triangle 3 3"], grid: Grid
) -> tuple[Int[np.ndarray, " hit"], Int[np.ndarray, " hit"], Float[np.ndarray, " hit"]]:
    """Every (triangle, cell centre) pair that meets in plan, with the height there."""
    flat = np.flatnonzero(np.abs(plan_area(vertices)) > SMALLEST_PLAN_AREA)
    corner = vertices[flat]
    to_cell = (corner[..., :2] - grid.bounds[:2]) / grid.resolution - 0.5
    low = np.clip(np.ceil(to_cell.min(axis=1) - 1e-9), 0, grid.count).astype(int)
    high = np.clip(np.floor(to_cell.max(axis=1) + 1e-9), -1, grid.count - 1).astype(int)
    span = np.maximum(high - low + 1, 0)
    pairs = Rows.of(span.prod(axis=1))
    owner = pairs.row
    row, column = np.divmod(pairs.rank, np.maximum(span[:, 0], 1)[owner])
    row, column = row + low[owner, 1], column + low[owner, 0]
    # From a corner of its own triangle, so that far from the origin no digits are lost.
    x = grid.x_coordinates[column] - corner[owner, 0, 0]
    y = grid.y_coordinates[row] - corner[owner, 0, 1]
    second, third = _slopes(corner)
    to_second, to_third = (slope[owner, 0] * x + slope[owner, 1] * y for slope in (second, third))
    inside = np.flatnonzero((to_second >= -EDGE) & (to_third >= -EDGE) & (to_second + to_third <= 1 + EDGE))
    owner, rise = owner[inside], corner[:, 1:, 2] - corner[:, :1, 2]
    height = corner[owner, 0, 2] + to_second[inside] * rise[owner, 0] + to_third[inside] * rise[owner, 1]
    return flat[owner], (row * grid.count + column)[inside], height


def _slopes(
    corner: Float[np.ndarray, "triangle 3 3"],
) -> tuple[Float[np.ndarray, "triangle 2"], Float[np.ndarray, "triangle 2"]]:
    """How fast the barycentric weights of the second and third corner grow with x and y [1/m]."""
    (ax, ay), (bx, by) = ((corner[:, index, :2] - corner[:, 0, :2]).T for index in (1, 2))
    area = ax * by - ay * bx
    return np.column_stack([by, -bx]) / area[:, None], np.column_stack([-ay, ax]) / area[:, None]


def plan_area(vertices: Float[np.ndarray, "triangle 3 3"]) -> Float[np.ndarray, " triangle"]:
    """Area of each triangle seen from above [m²], negative where it faces down."""
    first, second = vertices[:, 1, :2] - vertices[:, 0, :2], vertices[:, 2, :2] - vertices[:, 0, :2]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
