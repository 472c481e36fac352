"""Straight paths through walls and roofs: what reaches a UE inside a building, or behind one.

As in Sionna, a wall is a thin slab that a ray passes undeflected and undisplaced.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.rays.launcher import SURFACE_OFFSET, RayScene


@dataclass(frozen=True)
class RefractedPaths:
    """Straight paths from one site through at least one surface."""

    ground_cell: Int[np.ndarray, " path"]
    triangles: Int[np.ndarray, "path crossing"]
    """Triangles passed, in order; −1 past the last."""


def refracted_paths(
    scene: RayScene,
    source: Float[np.ndarray, "3"],
    point: Float[np.ndarray, "ground_cell 3"],
    cells: Int[np.ndarray, " cell"],
    crossings: int,
) -> RefractedPaths:
    """The straight path to each cell that passes at least one and at most `crossings` surfaces.

    Args:
        scene: what stands in the way.
        source: position of the site [m].
        point: UE position of every ground cell [m].
        cells: ground cells that are tried.
        crossings: most surfaces that a path may pass.
    """
    span = point[cells] - source
    length = np.linalg.norm(span, axis=1)
    direction = span / length[:, None]
    passed = np.full((len(cells), crossings), -1, np.int32)
    travelled, arrived = np.zeros(len(cells)), np.zeros(len(cells), bool)
    alive = np.arange(len(cells))
    for crossing in range(crossings + 1):
        start = source + travelled[alive, None] * direction[alive]
        distance, triangle = scene.first_hit(start, direction[alive])
        reached = travelled[alive] + distance >= length[alive] - SURFACE_OFFSET
        arrived[alive[reached]] = True
        alive, distance, triangle = alive[~reached], distance[~reached], triangle[~reached]
        if crossing < crossings:
            passed[alive, crossing] = triangle
            travelled[alive] += distance + SURFACE_OFFSET
    kept = arrived & (passed[:, 0] >= 0) if crossings else arrived & False
    return RefractedPaths(cells[kept], passed[kept])
