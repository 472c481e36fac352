"""Triangles to height maps: a z-buffer seen from straight above."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.scenes.triangles import Triangles

#: Triangles whose plan area is below this [m²] are walls: they have no height of their own.
SMALLEST_PLAN_AREA = 1e-6


def topmost_surface(
    triangles: Triangles, grid: Grid
) -> tuple[Float[np.ndarray, "y x"], Int[np.ndarray, "y x"]]:
    """Height [m] of the topmost surface above each cell centre, and the index of its triangle.

    Cells with nothing below are NaN and −1.
    """
    triangle, cell, height = _plan_hits(triangles.vertices, grid)
    surface = np.full(grid.count**2, np.nan)
    owner = np.full(grid.count**2, -1)
    # Of all that is written to one cell the last stays: the highest, and of equals the later triangle.
    upwards = np.argsort(height, kind="stable")
    surface[cell[upwards]], owner[cell[upwards]] = height[upwards], triangle[upwards]
    return surface.reshape(grid.shape), owner.reshape(grid.shape)


def _plan_hits(
    vertices: Float[np.ndarray, "triangle 3 3"], grid: Grid
) -> tuple[Int[np.ndarray, "hit"], Int[np.ndarray, "hit"], Float[np.ndarray, "hit"]]:
    """Every (triangle, cell centre) pair that meets in plan, with the height there."""
    flat = np.flatnonzero(np.abs(plan_area(vertices)) > SMALLEST_PLAN_AREA)
    corner = vertices[flat]
    to_cell = (corner[..., :2] + grid.size / 2) / grid.resolution - 0.5
    low = np.clip(np.ceil(to_cell.min(axis=1) - 1e-9), 0, grid.count).astype(int)
    high = np.clip(np.floor(to_cell.max(axis=1) + 1e-9), -1, grid.count - 1).astype(int)
    span = np.maximum(high - low + 1, 0)
    pairs = span.prod(axis=1)
    owner = np.repeat(np.arange(len(flat)), pairs)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    column = low[owner, 0] + rank % np.maximum(span[owner, 0], 1)
    row = low[owner, 1] + rank // np.maximum(span[owner, 0], 1)
    weights = _barycentric(corner[owner], grid.coordinates[column], grid.coordinates[row])
    inside = np.all(weights >= -1e-9, axis=-1)
    height = np.einsum("hc,hc->h", weights[inside], corner[owner[inside], :, 2])
    return flat[owner[inside]], (row * grid.count + column)[inside], height


def plan_area(vertices: Float[np.ndarray, "triangle 3 3"]) -> Float[np.ndarray, "triangle"]:
    """Area of each triangle seen from above [m²], negative where it faces down."""
    first, second = vertices[:, 1, :2] - vertices[:, 0, :2], vertices[:, 2, :2] - vertices[:, 0, :2]
    return (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def _barycentric(
    corner: Float[np.ndarray, "hit 3 3"], x: Float[np.ndarray, "hit"], y: Float[np.ndarray, "hit"]
) -> Float[np.ndarray, "hit 3"]:
    across, along = corner[..., 0] - x[:, None], corner[..., 1] - y[:, None]
    # Twice the signed area that the point spans with each side.
    opposite = [(1, 2), (2, 0), (0, 1)]
    spanned = np.stack(
        [across[:, i] * along[:, j] - across[:, j] * along[:, i] for i, j in opposite], axis=-1
    )
    return spanned / spanned.sum(axis=-1, keepdims=True)
