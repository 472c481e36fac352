"""First-order diffraction: which edges lead from a site to which ground cells.

No rays are launched: an edge that the site sees is tried for every ground cell, first at one cell of
each block of four, then at all cells of the blocks that it reached and of their neighbours. The point
of an edge follows from Fermat's principle in closed form, and two shadow rays prove the path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.edge_candidates import candidate_pairs
from raylocus.propagation.launcher import RayScene
from raylocus.propagation.pieces import in_pieces, piece_length
from raylocus.propagation.wedges import Wedges

#: A shadow ray may end this far short of an edge [m]: the faces meet there.
EDGE_TOLERANCE = 5e-2
#: What a pair of edge and ground cell takes while it is tried [byte].
BYTES_PER_PAIR = 500


@dataclass(frozen=True)
class DiffractedPaths:
    """Paths from one site over one edge each."""

    ground_cell: Int[np.ndarray, "path"]
    wedge: Int[np.ndarray, "path"]
    point: Float[np.ndarray, "path 3"]
    """Where the edge is met [m]."""


class DiffractionSearch:
    """Finds the diffracted paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        wedges: Wedges,
        point: Float[np.ndarray, "ground_cell 3"],
        side: int,
        memory_budget: float,
    ):
        """Keeps the scene and the UE positions.

        Args:
            scene: what stands in the way.
            wedges: edges of the scene.
            point: UE position of every ground cell in flat [y, x] order [m].
            side: ground cells along one side of the grid.
            memory_budget: for the pieces that are worked on at once [GiB].
        """
        self._memory_budget = memory_budget
        self._scene, self._wedges, self._point, self._side = scene, wedges, point, side

    def paths(
        self, source: Float[np.ndarray, "3"], outdoor: Bool[np.ndarray, "ground_cell"]
    ) -> DiffractedPaths:
        """Every path from a site over one edge to an outdoor ground cell's centre."""
        edges = self._seen_from(source)
        blocks = np.flatnonzero(outdoor & self._leads_its_block())
        edge, block = candidate_pairs(source, self._wedges, edges, self._point[blocks], self._memory_budget)
        edge, cell = self._reached(source, edge, blocks[block])
        edge, cell = self._reached(source, *self._refined(edge, cell, outdoor))
        position = self._along(source, edge, self._point[cell])
        where = self._wedges.origin[edge] + position[:, None] * self._wedges.direction[edge]
        return DiffractedPaths(cell, edge, where)

    def _seen_from(self, source: Float[np.ndarray, "3"]) -> Int[np.ndarray, "seen"]:
        """Edges of which the source sees a quarter, half or three-quarter point from outside the wedge."""
        wedges = self._wedges
        seen = np.zeros(len(wedges), bool)
        outside = _outside(source - wedges.origin, wedges.normals)
        for share in (0.25, 0.5, 0.75):
            middle = wedges.origin + (share * wedges.length)[:, None] * wedges.direction
            seen[outside] |= self._clear(np.broadcast_to(source, middle[outside].shape), middle[outside])
        return np.flatnonzero(seen)

    def _leads_its_block(self) -> Bool[np.ndarray, "ground_cell"]:
        row, column = np.divmod(np.arange(self._side**2), self._side)
        return (row % 2 == 0) & (column % 2 == 0)

    def _reached(
        self, source: Float[np.ndarray, "3"], edge: Int[np.ndarray, "pair"], cell: Int[np.ndarray, "pair"]
    ) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"]]:
        length = piece_length(self._memory_budget, BYTES_PER_PAIR, "one edge and ground cell")
        kept = in_pieces(lambda pair: self._valid(source, edge[pair], cell[pair]), len(edge), length)
        index = np.flatnonzero(np.concatenate([np.zeros(0, bool), *kept]))
        return edge[index], cell[index]

    def _valid(
        self, source: Float[np.ndarray, "3"], edge: Int[np.ndarray, "pair"], cell: Int[np.ndarray, "pair"]
    ) -> Bool[np.ndarray, "pair"]:
        wedges, target = self._wedges, self._point[cell]
        position = self._along(source, edge, target)
        valid = (position > 0) & (position < wedges.length[edge])
        valid &= _outside(target - wedges.origin[edge], wedges.normals[edge])
        index = np.flatnonzero(valid)
        where = wedges.origin[edge[index]] + position[index, None] * wedges.direction[edge[index]]
        # A step out of the wedge keeps the second leg from starting on its faces.
        off = where + 1e-2 * wedges.normals[edge[index]].sum(axis=1)
        for start, end in ((target[index], off), (np.broadcast_to(source, off.shape), where)):
            alive = valid[index]
            valid[index[alive]] = self._clear(start[alive], end[alive])
        return valid

    def _along(
        self,
        source: Float[np.ndarray, "3"],
        edge: Int[np.ndarray, "pair"],
        target: Float[np.ndarray, "pair 3"],
    ) -> Float[np.ndarray, "pair"]:
        """Fermat's point from the edge's origin [m]: unfolded about the edge, the path is straight."""
        origin, direction = self._wedges.origin[edge], self._wedges.direction[edge]
        (source_along, source_away), (target_along, target_away) = (
            _cylindrical(point - origin, direction) for point in (source, target)
        )
        return (source_along * target_away + target_along * source_away) / np.maximum(
            source_away + target_away, 1e-9
        )

    def _refined(
        self,
        edge: Int[np.ndarray, "pair"],
        leader: Int[np.ndarray, "pair"],
        outdoor: Bool[np.ndarray, "ground_cell"],
    ) -> tuple[Int[np.ndarray, "fine"], Int[np.ndarray, "fine"]]:
        """All cells of each reached block and of the four blocks beside it."""
        row, column = np.divmod(leader, self._side)
        block = np.array([[0, 0], [2, 0], [-2, 0], [0, 2], [0, -2]])
        child = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        step = (block[:, None] + child[None]).reshape(-1, 2)
        rows, columns = row[:, None] + step[:, 0], column[:, None] + step[:, 1]
        inside = (rows >= 0) & (rows < self._side) & (columns >= 0) & (columns < self._side)
        key = (
            np.repeat(edge, len(step))[inside.ravel()] * self._side**2 + (rows * self._side + columns)[inside]
        )
        fine_edge, fine_cell = np.divmod(np.unique(key), self._side**2)
        return fine_edge[outdoor[fine_cell]], fine_cell[outdoor[fine_cell]]

    def _clear(
        self, start: Float[np.ndarray, "segment 3"], end: Float[np.ndarray, "segment 3"]
    ) -> Bool[np.ndarray, "segment"]:
        span = end - start
        length = np.linalg.norm(span, axis=1)
        distance, _ = self._scene.first_hit(start, span / np.maximum(length, 1e-9)[:, None])
        return distance > length - EDGE_TOLERANCE


def _outside(offset: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 2 3"]) -> Bool[np.ndarray, "n"]:
    return np.any(np.einsum("ni,nfi->nf", offset, normals) > 1e-6, axis=1)


def _cylindrical(
    offset: Float[np.ndarray, "n 3"], axis: Float[np.ndarray, "n 3"]
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Position along an axis and distance from it."""
    along = np.einsum("ni,ni->n", offset, axis)
    return along, np.sqrt(np.maximum(np.einsum("ni,ni->n", offset, offset) - along**2, 0))
