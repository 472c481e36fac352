"""First-order diffraction: which edges lead from a site to which ground cells, directly or over mirrors.

A chain is an edge with mirrors before (`edge_chains.py`) and behind it (`edge_cones.py`). It is tried
(`edge_kernel.py`) at one cell of each block of ground cells, then at all cells of the blocks that it reached and of
their neighbours. A chain without a mirror behind its edge may reach a cell anywhere and is tried at all blocks; so is
one with level ground behind an edge in sight. The many others with a mirror there each reach little; they are tried
where the rays that found them landed, and on from there as far as they reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.search.edges.edge_chains import (
    DiffractedPaths,
    EdgeChains,
    EdgeChainSearch,
    diffracted_paths,
)
from raylocus.propagation.search.edges.edge_cones import ConeSearch, Landings
from raylocus.propagation.search.edges.edge_device import CellTargets, PreparedPairs
from raylocus.propagation.search.edges.edge_kernel import EdgeKernel
from raylocus.propagation.search.edges.edge_scene import EdgeScene
from raylocus.propagation.search.grouping import CellBlocks, distinct_keys

#: Side of the blocks of ground cells of which one cell is tried first, for chains without and with mirrors.
DIRECT_BLOCK, MIRRORED_BLOCK = 2, 3
#: How often a chain is tried farther and farther from where rays landed.
FLOODS = 12


@dataclass(frozen=True)
class ReachedPairs:
    """Which chains lead from a site to which ground cells."""

    chains: EdgeChains
    chain: Int[np.ndarray, " path"]
    """Index of each path's chain."""
    ground_cell: Int[np.ndarray, " path"]

    def __len__(self) -> int:
        return len(self.chain)


class DiffractionSearch:
    """Finds the diffracted paths of one scene."""

    def __init__(
        self,
        scene: EdgeScene,
        point: Float[np.ndarray, "ground_cell 3"],
        outdoor: Bool[np.ndarray, " ground_cell"],
        grid: Grid,
        materials: RadioMaterials,
    ):
        """Keeps the scene and the UE positions.

        Args:
            scene: what is searched.
            point: UE position of every ground cell in flat [y, x] order [m].
            outdoor: cells that are searched.
            grid: ground cells.
            materials: electrical properties, for a bound of the field.
        """
        self._scene, self._kernel = scene, EdgeKernel(scene, materials)
        self._search, self._cones = EdgeChainSearch(scene), ConeSearch(scene)
        self._point = point
        self._direct, self._mirrored = (
            CellBlocks(grid, outdoor, side) for side in (DIRECT_BLOCK, MIRRORED_BLOCK)
        )

    def chains(
        self, source: Float[np.ndarray, "3"], mirrors: int, generator: np.random.Generator
    ) -> Iterator[tuple[EdgeChains, Landings | None]]:
        """Chains of a site: without a mirror, with mirrors before the edge, with mirrors behind it, with both.

        Those with mirrors behind the edge come with the landings of the rays that found them, except for edges
        and level ground, which lead wherever there is a street.

        Args:
            source: position of the site [m].
            mirrors: most mirrors of a chain.
            generator: turns the rays that look for mirrors.
        """
        direct = self._search.direct(source)
        yield direct, None
        if mirrors < 1:
            return
        before = self._search.mirrored_before(source, mirrors, generator)
        yield before, None
        chains, landings = self._cones.mirrored_after(source, direct, mirrors, generator)
        ground = self._scene.is_level_ground(chains.after[:, 0]) & (chains.after[:, 1] < 0)
        yield chains.select(np.flatnonzero(ground)), None
        others = np.flatnonzero(~ground)
        yield chains.select(others), landings.of(others, len(chains))
        yield self._cones.mirrored_after(source, before, mirrors, generator)

    def paths(
        self,
        source: Float[np.ndarray, "3"],
        chains: EdgeChains,
        landings: Landings | None,
        weakest: Float[np.ndarray, " ground_cell"],
        first: Float[np.ndarray, " ground_cell"],
    ) -> ReachedPairs:
        """Every path from a site over one of the chains to an outdoor ground cell's centre.

        Args:
            source: position of the site [m].
            chains: mirrors and edges.
            landings: where each chain is tried first; None for everywhere.
            weakest: power gain below which a path is not wanted in each cell, unless it arrives first.
            first: length of the earliest path known there [m].
        """
        pairs = self._kernel.prepared(source, chains, CellTargets(self._point, weakest, first))
        blocks = self._mirrored if chains.mirrored else self._direct
        key = self._everywhere(pairs, blocks) if landings is None else self._flooded(pairs, blocks, landings)
        chain, cell = blocks.cells(blocks.around(key, 1))
        index = self._kernel.pairs(pairs, chain, cell)
        return ReachedPairs(chains, chain[index], cell[index])

    def exact(self, source: Float[np.ndarray, "3"], found: ReachedPairs, piece: slice) -> DiffractedPaths:
        """Some of the paths found from a site [m], exact at their ground cells' centres."""
        chains, cell = found.chains.select(found.chain[piece]), found.ground_cell[piece]
        return diffracted_paths(self._scene, source, chains, cell, self._point[cell])

    def _everywhere(self, pairs: PreparedPairs, blocks: CellBlocks) -> Int[np.ndarray, " pair"]:
        """Pairs of a chain and a block whose leader it reaches, of all that there are."""
        block = np.flatnonzero(blocks.leader >= 0)
        chain, index = self._kernel.all_pairs(pairs, blocks.leader[block])
        return chain * blocks.count + block[index]

    def _flooded(
        self, pairs: PreparedPairs, blocks: CellBlocks, landings: Landings
    ) -> Int[np.ndarray, " pair"]:
        """The same, near the landings and on from there as long as more is reached."""
        block = blocks.at(landings.point)
        inside = np.flatnonzero(block >= 0)
        front = distinct_keys(landings.chain[inside] * blocks.count + block[inside])
        tried = reached = np.zeros(0, np.int64)
        for _ in range(FLOODS):
            near = blocks.around(front, 1)
            near = near[~_among(near, tried)]
            chain, block = np.divmod(near, blocks.count)
            front = near[self._kernel.pairs(pairs, chain, blocks.leader[block])]
            reached = np.concatenate([reached, front])
            tried = np.sort(np.concatenate([tried, near]), kind="stable")
            if not len(front):
                break
        return distinct_keys(reached)


def _among(key: Int[np.ndarray, " pair"], known: Int[np.ndarray, " known"]) -> Bool[np.ndarray, " pair"]:
    """Which keys are among sorted ones."""
    place = np.searchsorted(known, key)
    place[place == len(known)] = 0
    return known[place] == key if len(known) else np.zeros(len(key), bool)
