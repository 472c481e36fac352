"""Square blocks of ground cells: one outdoor cell of each speaks for the others until it is known what is reached."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid


class CellBlocks:
    """The blocks of one grid, with pairs of a chain and a block as keys chain · count + block."""

    def __init__(self, grid: Grid, outdoor: Bool[np.ndarray, "ground_cell"], side: int):
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

    def of_cell(self, cell: Int[np.ndarray, "cell"]) -> Int[np.ndarray, "cell"]:
        """The block of each ground cell."""
        row, column = np.divmod(cell, self._grid.count)
        return row // self._side * self._across + column // self._side

    def at(self, point: Float[np.ndarray, "point 2"]) -> Int[np.ndarray, "point"]:
        """The block below each point; −1 outside of the grid."""
        cell = self._grid.index(point)
        return np.where(cell >= 0, self.of_cell(cell), -1)

    def around(self, key: Int[np.ndarray, "pair"], reach: int) -> Int[np.ndarray, "near"]:
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

    def cells(self, key: Int[np.ndarray, "pair"]) -> tuple[Int[np.ndarray, "fine"], Int[np.ndarray, "fine"]]:
        """Each chain with every outdoor cell of its block: index of the chain, and of the cell."""
        chain, block = np.divmod(key, self.count)
        row, column = (self._side * each for each in np.divmod(block, self._across))
        child = np.stack(np.divmod(np.arange(self._side**2), self._side), axis=1)
        rows, columns = row[:, None] + child[:, 0], column[:, None] + child[:, 1]
        inside = ((rows < self._grid.count) & (columns < self._grid.count)).ravel()
        cell = (rows * self._grid.count + columns).ravel()[inside]
        chain = np.repeat(chain, len(child))[inside]
        return chain[self._outdoor[cell]], cell[self._outdoor[cell]]


def distinct_keys(key: Int[np.ndarray, "pair"]) -> Int[np.ndarray, "distinct"]:
    """Each key once, sorted; by sorting, since `np.unique` hashes integers, which takes ten times as long here."""
    key = np.sort(key, kind="stable")
    return key[np.diff(key, prepend=-1) > 0]
