"""First-order diffraction: which edges lead from a site to which ground cells, directly or over a mirror.

A chain is an edge, with at most one mirror before and one after it. Chains come from a few rays
(`edge_chains.py`); every chain is then tried for every ground cell (`edge_kernel.py`), first at one cell of
each block, then at all cells of the blocks that it reached and of their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.edge_chains import EdgeChains, EdgeChainSearch
from raylocus.propagation.edge_device import CellTargets
from raylocus.propagation.edge_kernel import EdgeKernel
from raylocus.propagation.edge_paths import DiffractedPaths, diffracted_paths
from raylocus.propagation.edge_scene import EdgeScene

#: Side of the blocks of ground cells of which one cell is tried first, for chains without and with mirrors.
DIRECT_BLOCK, MIRRORED_BLOCK = 2, 3


class DiffractionSearch:
    """Finds the diffracted paths of one scene."""

    def __init__(
        self,
        scene: EdgeScene,
        point: Float[np.ndarray, "ground_cell 3"],
        outdoor: Bool[np.ndarray, "ground_cell"],
        side: int,
        wavelength: float,
    ):
        """Keeps the scene and the UE positions.

        Args:
            scene: what is searched.
            point: UE position of every ground cell in flat [y, x] order [m].
            outdoor: cells that are searched.
            side: ground cells along one side of the grid.
            wavelength: wavelength [m].
        """
        self._scene, self._search, self._kernel = scene, EdgeChainSearch(scene), EdgeKernel(scene, wavelength)
        self._point, self._outdoor, self._side = point, outdoor, side

    def chains(
        self, source: Float[np.ndarray, "3"], mirrors: int, generator: np.random.Generator
    ) -> Iterator[EdgeChains]:
        """Chains of a site: those without a mirror, then with one, then with one on either side.

        Args:
            source: position of the site [m].
            mirrors: most mirrors of a chain, at most 2.
            generator: turns the rays that look for mirrors.
        """
        direct = self._search.direct(source)
        yield direct
        if mirrors < 1:
            return
        before = self._search.mirrored_before(source, generator)
        yield before
        yield self._search.mirrored_after(source, direct, generator)
        if mirrors > 1:
            yield self._search.mirrored_after(source, before, generator)

    def paths(
        self,
        source: Float[np.ndarray, "3"],
        chains: EdgeChains,
        weakest: Float[np.ndarray, "ground_cell"],
        first: Float[np.ndarray, "ground_cell"],
    ) -> DiffractedPaths:
        """Every path from a site over one of the chains to an outdoor ground cell's centre.

        Args:
            source: position of the site [m].
            chains: mirrors and edges.
            weakest: power gain below which a path is not wanted in each cell, unless it arrives first.
            first: length of the earliest path known there [m].
        """
        targets = CellTargets(self._point, weakest, first)
        block = MIRRORED_BLOCK if chains.mirrored else DIRECT_BLOCK
        leaders = np.flatnonzero(self._outdoor & self._leads_its_block(block))
        chain, leader = self._kernel.all_pairs(source, chains, targets.select(leaders))
        chain, cell = self._refined(chain, leaders[leader], block)
        index = self._kernel.pairs(source, chains, targets, chain, cell)
        cell = cell[index]
        return diffracted_paths(self._scene, source, chains.select(chain[index]), cell, self._point[cell])

    def _leads_its_block(self, block: int) -> Bool[np.ndarray, "ground_cell"]:
        row, column = np.divmod(np.arange(self._side**2), self._side)
        return (row % block == block // 2) & (column % block == block // 2)

    def _refined(
        self, chain: Int[np.ndarray, "pair"], leader: Int[np.ndarray, "pair"], block: int
    ) -> tuple[Int[np.ndarray, "fine"], Int[np.ndarray, "fine"]]:
        """All cells of each reached block and of the four blocks beside it."""
        row, column = (each // block for each in np.divmod(leader, self._side))
        blocks = -(-self._side // block)
        beside = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        rows, columns = row[:, None] + beside[:, 0], column[:, None] + beside[:, 1]
        inside = (rows >= 0) & (rows < blocks) & (columns >= 0) & (columns < blocks)
        key = np.repeat(chain, len(beside))[inside.ravel()] * blocks**2 + (rows * blocks + columns)[inside]
        chain, near = np.divmod(np.unique(key), blocks**2)
        row, column = (block * each for each in np.divmod(near, blocks))
        child = np.stack(np.divmod(np.arange(block**2), block), axis=1)
        rows, columns = row[:, None] + child[:, 0], column[:, None] + child[:, 1]
        inside = ((rows < self._side) & (columns < self._side)).ravel()
        cell = (rows * self._side + columns).ravel()[inside]
        chain = np.repeat(chain, len(child))[inside]
        return chain[self._outdoor[cell]], cell[self._outdoor[cell]]
