"""Crossings to paths: one group of rays that touched the same facets on the way to the same ground cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt

from raylocus.propagation.launcher import Crossings


@dataclass(frozen=True)
class FoundSequences:
    """Sequences of facets that lead to ground cells, each once, sorted by ground cell."""

    crossings: Crossings
    """The first ray of each; the triangles are those that it touched."""
    rays: Int[np.ndarray, "path"]
    """How many rays found it."""


def group_crossings(crossings: Crossings, facet: Int[np.ndarray, "triangle"]) -> FoundSequences:
    """Each ground cell and sequence of facets once, whichever of a facet's triangles was touched."""
    return _grouped(crossings, facet, np.ones(len(crossings.ground_cell), np.int64))


def merged(parts: list[FoundSequences], facet: Int[np.ndarray, "triangle"]) -> FoundSequences:
    """What the rays of all parts found, as if they had been one."""
    crossings = Crossings(
        np.concatenate([part.crossings.ground_cell for part in parts]),
        np.concatenate([part.crossings.triangles for part in parts]),
    )
    return _grouped(crossings, facet, np.concatenate([part.rays for part in parts]))


def _grouped(
    crossings: Crossings, facet: Int[np.ndarray, "triangle"], rays: Int[np.ndarray, "crossing"]
) -> FoundSequences:
    key = crossings.ground_cell.astype(np.uint64) << np.uint64(40)
    key |= _sequence_hash(crossings.triangles, facet) >> np.uint64(24)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=key[order[:1]] ^ np.uint64(1)))
    first = order[starts]
    total = np.add.reduceat(rays[order], starts) if len(starts) else rays
    return FoundSequences(Crossings(crossings.ground_cell[first], crossings.triangles[first]), total)


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
