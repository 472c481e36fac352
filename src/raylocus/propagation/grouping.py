"""Crossings to paths: one group of rays that touched the same facets on the way to the same ground cell."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt

from raylocus.propagation.launcher import Crossings


def group_crossings(
    crossings: Crossings, facet: Int[np.ndarray, "triangle"]
) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"]]:
    """One representative crossing of each path, and how many rays found it.

    A path is a ground cell and the sequence of facets touched, whichever of a facet's triangles.
    """
    key = crossings.ground_cell.astype(np.uint64) << np.uint64(40)
    key |= _sequence_hash(crossings.triangles, facet) >> np.uint64(24)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=key[order[:1]] ^ np.uint64(1)))
    return order[starts], np.diff(starts, append=len(order))


def _sequence_hash(
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, "triangle"]
) -> UInt[np.ndarray, "crossing"]:
    # splitmix64's finaliser over the facets in order; 40 bits within a cell's few dozen paths cannot collide.
    value = np.full(len(triangles), 0x9E3779B97F4A7C15, np.uint64)
    for bounce in range(triangles.shape[1]):
        touched = np.where(triangles[:, bounce] >= 0, facet[triangles[:, bounce]] + 1, 0).astype(np.uint64)
        value = (value ^ touched) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value
