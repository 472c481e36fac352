"""Crossings to candidates: the facet sequences that lead to each ground cell, and to the cells beside it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt

from raylocus.propagation.rays.cell_blocks import distinct_keys
from raylocus.propagation.rays.launcher import Crossings


def distinct(parts: list[Crossings], facet: Int[np.ndarray, "triangle"], side: int) -> Crossings:
    """Each ground cell and sequence of facets once, whichever of a facet's triangles was touched.

    Args:
        parts: what the rays met, wavefront after wavefront.
        facet: facet of each triangle.
        side: ground cells along one side of the grid.
    """
    cell = np.concatenate([part.ground_cell for part in parts])
    triangles = np.concatenate([part.triangles for part in parts])
    first, sequence = _sequences(triangles, facet)
    sequence, cell = np.divmod(distinct_keys(sequence * side**2 + cell), side**2)
    return Crossings(cell, triangles[first[sequence]])


def with_neighbours(found: Crossings, facet: Int[np.ndarray, "triangle"], side: int) -> Crossings:
    """The same, with each sequence in the eight cells around too, so that few rays find all paths.

    Arguments are those of `distinct`.
    """
    first, sequence = _sequences(found.triangles, facet)
    pair = sequence * side**2 + found.ground_cell
    row, column = np.divmod(found.ground_cell, side)
    wider = [pair]
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            inside = (row + down >= 0) & (row + down < side) & (column + right >= 0) & (column + right < side)
            wider.append(pair[inside] + down * side + right)
    sequence, cell = np.divmod(distinct_keys(np.concatenate(wider)), side**2)
    return Crossings(cell, found.triangles[first[sequence]])


def _sequences(
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, "triangle"]
) -> tuple[Int[np.ndarray, "sequence"], Int[np.ndarray, "crossing"]]:
    """The first crossing of each sequence of facets, and the sequence of each crossing."""
    hashed = _sequence_hash(triangles, facet)
    _, first, sequence = np.unique(hashed, return_index=True, return_inverse=True)
    return first, sequence.astype(np.int64)


def _sequence_hash(
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, "triangle"]
) -> UInt[np.ndarray, "crossing"]:
    # splitmix64's finaliser over the facets in order; 64 bits for a few hundred thousand sequences do not collide.
    value = np.full(len(triangles), 0x9E3779B97F4A7C15, np.uint64)
    for bounce in range(triangles.shape[1]):
        touched = np.where(triangles[:, bounce] >= 0, facet[triangles[:, bounce]] + 1, 0).astype(np.uint64)
        value = (value ^ touched) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value
