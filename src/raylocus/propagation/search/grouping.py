"""Ground cells in blocks, and what rays found in them put together: one candidate a cell and sequence of facets."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt

from raylocus.geo import Grid
from raylocus.propagation.rays.launcher import Crossings


class CellBlocks:
    """The blocks of one grid, with pairs of a chain and a block as keys chain · count + block."""

    def __init__(self, grid: Grid, outdoor: Bool[np.ndarray, " ground_cell"], side: int):
        """Chooses the leaders.

        Args:
            grid: ground cells.
            outdoor: those that matter, in flat [y, x] order.
            side: cells along one side of a block.
        """
        self._grid, self._outdoor, self._side = grid, outdoor, side
        self._across = -(-grid.count // side)
        #: Number of blocks.
        self.count = self._across**2
        #: The outdoor cell nearest to each block's middle, so that an alley one cell wide has its own too; or −1.
        self.leader = np.full(self.count, -1)
        cell = np.flatnonzero(outdoor)
        row, column = np.divmod(cell, grid.count)
        off_centre = np.abs(row % side - side // 2) + np.abs(column % side - side // 2)
        farthest_first = np.argsort(-off_centre, kind="stable")
        self.leader[self.of_cell(cell)[farthest_first]] = cell[farthest_first]

    def of_cell(self, cell: Int[np.ndarray, " cell"]) -> Int[np.ndarray, " cell"]:
        """The block of each ground cell."""
        row, column = np.divmod(cell, self._grid.count)
        return row // self._side * self._across + column // self._side

    def at(self, point: Float[np.ndarray, "point 2"]) -> Int[np.ndarray, " point"]:
        """The block below each point; −1 outside of the grid."""
        cell = self._grid.index(point)
        return np.where(cell >= 0, self.of_cell(cell), -1)

    def around(self, key: Int[np.ndarray, " pair"], reach: int) -> Int[np.ndarray, " near"]:
        """Keys of each chain with all blocks up to `reach` blocks away, each once, sorted; only blocks with a leader.

        Args:
            key: chain · count + block.
            reach: blocks in either direction.
        """
        for stride in (1, self._across):
            place = key % self.count // stride % self._across
            steps = np.arange(-reach, reach + 1)
            inside = (place[:, None] + steps >= 0) & (place[:, None] + steps < self._across)
            key = distinct_keys((key[:, None] + steps * stride)[inside])
        return key[self.leader[key % self.count] >= 0]

    def cells(
        self, key: Int[np.ndarray, " pair"]
    ) -> tuple[Int[np.ndarray, " fine"], Int[np.ndarray, " fine"]]:
        """Each chain with every outdoor cell of its block: index of the chain, and of the cell."""
        chain, block = np.divmod(key, self.count)
        row, column = (self._side * each for each in np.divmod(block, self._across))
        child = np.stack(np.divmod(np.arange(self._side**2), self._side), axis=1)
        rows, columns = row[:, None] + child[:, 0], column[:, None] + child[:, 1]
        inside = ((rows < self._grid.count) & (columns < self._grid.count)).ravel()
        cell = (rows * self._grid.count + columns).ravel()[inside]
        chain = np.repeat(chain, len(child))[inside]
        return chain[self._outdoor[cell]], cell[self._outdoor[cell]]


def distinct_keys(key: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " distinct"]:
    """Each key once, sorted; by sorting, since `np.unique` hashes integers, which takes ten times as long here."""
    key = np.sort(key, kind="stable")
    return key[np.diff(key, prepend=-1) > 0]


def distinct(parts: list[Crossings], facet: Int[np.ndarray, " triangle"], side: int) -> Crossings:
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


def with_neighbours(found: Crossings, facet: Int[np.ndarray, " triangle"], side: int) -> Crossings:
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
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, " triangle"]
) -> tuple[Int[np.ndarray, " sequence"], Int[np.ndarray, " crossing"]]:
    """The first crossing of each sequence of facets, and the sequence of each crossing."""
    hashed = _sequence_hash(triangles, facet)
    _, first, sequence = np.unique(hashed, return_index=True, return_inverse=True)
    return first, sequence.astype(np.int64)


def _sequence_hash(
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, " triangle"]
) -> UInt[np.ndarray, " crossing"]:
    # splitmix64's finaliser over the facets in order; 64 bits for a few hundred thousand sequences do not collide.
    value = np.full(len(triangles), 0x9E3779B97F4A7C15, np.uint64)
    for bounce in range(triangles.shape[1]):
        touched = np.where(triangles[:, bounce] >= 0, facet[triangles[:, bounce]] + 1, 0).astype(np.uint64)
        value = (value ^ touched) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value
