"""Blocks of ground cells: each has a leader where anything is outdoors, and pairs with them are keys."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raylocus.geo import Grid
from raylocus.propagation.search.grouping import CellBlocks, distinct_keys

GRID = Grid(22.0, 2.0)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.integers(1, 4))
def test_the_leader_is_the_outdoor_cell_nearest_to_the_middle(seed: int, share: float, side: int) -> None:
    outdoor = np.random.default_rng(seed).random(GRID.count**2) < share
    blocks = CellBlocks(GRID, outdoor, side)
    cell = np.arange(GRID.count**2)
    row, column = np.divmod(cell, GRID.count)
    off_centre = np.abs(row % side - side // 2) + np.abs(column % side - side // 2)
    for block in range(blocks.count):
        own = cell[(blocks.of_cell(cell) == block) & outdoor]
        leader = blocks.leader[block]
        assert (leader < 0) == (len(own) == 0)
        if len(own):
            assert leader in own
            assert off_centre[leader] == off_centre[own].min()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 2))
def test_around_a_block_are_the_blocks_within_reach_that_have_a_leader(
    seed: int, side: int, reach: int
) -> None:
    generator = np.random.default_rng(seed)
    blocks = CellBlocks(GRID, generator.random(GRID.count**2) < 0.5, side)
    across = round(np.sqrt(blocks.count))
    key = distinct_keys(generator.integers(0, 3 * blocks.count, 5))
    expected = set()
    for chain, block in zip(*np.divmod(key, blocks.count), strict=True):
        row, column = np.divmod(np.arange(blocks.count), across)
        near = np.maximum(np.abs(row - block // across), np.abs(column - block % across)) <= reach
        expected |= set((chain * blocks.count + np.flatnonzero(near & (blocks.leader >= 0))).tolist())
    assert blocks.around(key, reach).tolist() == sorted(expected)


def test_a_block_s_cells_are_its_outdoor_ones() -> None:
    outdoor = np.random.default_rng(0).random(GRID.count**2) < 0.5
    blocks = CellBlocks(GRID, outdoor, 3)
    chain, cell = blocks.cells(np.arange(blocks.count) + 7 * blocks.count)
    assert set(chain.tolist()) == {7}
    assert sorted(cell.tolist()) == np.flatnonzero(outdoor).tolist()
