"""Diffuse scattering: paths from a site over one patch of a rough wall to the ground cells that see it.

All patches of a wall that a ground cell sees are one path: it carries their power, and goes over the
patch that gives most of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from raylocus.geo import Grid
from raylocus.propagation.launcher import RayScene
from raylocus.propagation.rough_walls import Patches, scattering_pattern, wall_patches
from raylocus.scenes.triangles import Triangles

#: Ground cells further from a patch than this get nothing from it: the power falls with the square [m].
REACH = 100.0
#: Cells of a block of about this side see the same patches [m].
BLOCK = 4.0
#: Walls of a ground cell that are kept, the strongest; they carry the power of the others too.
MOST_WALLS = 8
#: A shadow ray may end this far short of a patch [m].
TOLERANCE = 2e-2
#: Pairs of patch and ground cell in work at once; bounds the memory to about 200 MB.
CHUNK = 1 << 19


@dataclass(frozen=True)
class ScatteredPaths:
    """Paths from one site, each over one wall."""

    ground_cell: Int[np.ndarray, "path"]
    patch: Int[np.ndarray, "path"]
    gain: Float[np.ndarray, "path"]
    """Σ f_s cos θ_i A/(r_i² r_s²) over the patches that the path stands for [1/m²]; S² Γ² is not in it."""


class ScatteringSearch:
    """Finds the scattered paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        triangles: Triangles,
        point: Float[np.ndarray, "ground_cell 3"],
        outdoor: Bool[np.ndarray, "ground_cell"],
        grid: Grid,
        exponent: int,
    ):
        """Covers the walls with patches.

        Args:
            scene: what stands in the way.
            triangles: the same geometry, with materials.
            point: UE position of every ground cell [m].
            outdoor: ground cells that are served.
            grid: ground cells.
            exponent: width of the scattering lobe, see `scattering_pattern`.
        """
        self.patches: Patches = wall_patches(triangles)
        self._scene, self._point, self._exponent = scene, point, exponent
        side = max(int(round(BLOCK / grid.resolution)), 1)
        row, column = np.divmod(np.arange(grid.count**2), grid.count)
        block = (row // side) * (grid.count // side + 1) + column // side
        self._cells = np.flatnonzero(outdoor)
        _, first, self._block = np.unique(block[self._cells], return_index=True, return_inverse=True)
        self._leaders = self._cells[first]

    def paths(self, source: Float[np.ndarray, "3"]) -> ScatteredPaths:
        """Every scattered path from a site."""
        lit = self._lit(source)
        parts = [self._per_wall(source, patch, leader) for patch, leader in self._pairs(lit)]
        patch, leader, gain = _merged(self.patches.facet, parts, len(self._leaders))
        patch, leader, gain = _strongest(patch, leader, gain, len(self._leaders))
        return self._spread(source, patch, leader, gain)

    def _lit(self, source: Float[np.ndarray, "3"]) -> Int[np.ndarray, "lit"]:
        position = self.patches.position
        return np.flatnonzero(self._clear(np.broadcast_to(source, position.shape), position))

    def _pairs(
        self, lit: Int[np.ndarray, "lit"]
    ) -> Iterator[tuple[Int[np.ndarray, "pair"], Int[np.ndarray, "pair"]]]:
        """Pairs of lit patch and block within reach, some at a time; all pairs of a patch come together."""
        tree = cKDTree(self._point[self._leaders])
        near = tree.query_ball_point(self.patches.position[lit], REACH, return_sorted=True)
        count = np.array([len(each) for each in near], np.int64)
        piece = np.cumsum(count) // CHUNK
        for number in np.unique(piece):
            chosen = np.flatnonzero(piece == number)
            leader = np.concatenate([np.asarray(near[each], np.int64) for each in chosen])
            yield np.repeat(lit[chosen], count[chosen]), leader

    def _per_wall(
        self,
        source: Float[np.ndarray, "3"],
        patch: Int[np.ndarray, "pair"],
        leader: Int[np.ndarray, "pair"],
    ) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"], Float[np.ndarray, "path"]]:
        gain = self._gain(source, patch, self._point[self._leaders[leader]])
        kept = np.flatnonzero(gain > 0)
        kept = kept[self._clear(self._point[self._leaders[leader[kept]]], self.patches.position[patch[kept]])]
        return patch[kept], leader[kept], gain[kept]

    def _gain(
        self,
        source: Float[np.ndarray, "3"],
        patch: Int[np.ndarray, "pair"],
        target: Float[np.ndarray, "pair 3"],
    ) -> Float[np.ndarray, "pair"]:
        """f_s cos θ_i A/(r_i² r_s²) of each patch; 0 behind the wall."""
        incident = self.patches.position[patch] - source
        before = np.linalg.norm(incident, axis=1)
        incident /= before[:, None]
        normal = self.patches.normal[patch]
        cosine = -np.einsum("pi,pi->p", incident, normal)
        normal = np.where(cosine[:, None] < 0, -normal, normal)
        scattered = target - self.patches.position[patch]
        after = np.maximum(np.linalg.norm(scattered, axis=1), 1.0)
        scattered /= after[:, None]
        front = np.einsum("pi,pi->p", scattered, normal) > 0
        pattern = scattering_pattern(incident, scattered, normal, self._exponent)
        return np.where(
            front, pattern * np.abs(cosine) * self.patches.area[patch] / (before * after) ** 2, 0.0
        )

    def _spread(
        self,
        source: Float[np.ndarray, "3"],
        patch: Int[np.ndarray, "path"],
        leader: Int[np.ndarray, "path"],
        gain: Float[np.ndarray, "path"],
    ) -> ScatteredPaths:
        """From the blocks' leaders to all their cells; the gain follows the chosen patch's."""
        alone = self._gain(source, patch, self._point[self._leaders[leader]])
        order = np.argsort(leader, kind="stable")
        patch, gain, alone = patch[order], gain[order], alone[order]
        start = np.searchsorted(leader[order], np.arange(len(self._leaders) + 1))
        count = np.diff(start)[self._block]
        cell = np.repeat(self._cells, count)
        path = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
        path += np.repeat(start[:-1][self._block], count)
        here = self._gain(source, patch[path], self._point[cell])
        kept = here > 0
        return ScatteredPaths(cell[kept], patch[path][kept], (gain[path] * here / alone[path])[kept])

    def _clear(
        self, start: Float[np.ndarray, "segment 3"], end: Float[np.ndarray, "segment 3"]
    ) -> Bool[np.ndarray, "segment"]:
        span = end - start
        length = np.linalg.norm(span, axis=1)
        distance, _ = self._scene.first_hit(start, span / np.maximum(length, 1e-9)[:, None])
        return distance > length - TOLERANCE


#: Patch, block and gain of some paths.
_Columns = tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"], Float[np.ndarray, "path"]]


def _merged(facet: Int[np.ndarray, "patch"], parts: list[_Columns], blocks: int) -> _Columns:
    """One path a wall and block: the power of all patches, the geometry of the strongest."""
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    patch, leader, gain = (np.concatenate(column) for column in zip(*parts, strict=True))
    wall = facet[patch] * blocks + leader
    order = np.lexsort((-gain, wall))
    wall, start = np.unique(wall[order], return_index=True)
    if not len(order):
        return patch, leader, gain
    best = order[start]
    return patch[best], leader[best], np.add.reduceat(gain[order], start)


def _strongest(
    patch: Int[np.ndarray, "path"],
    leader: Int[np.ndarray, "path"],
    gain: Float[np.ndarray, "path"],
    blocks: int,
) -> _Columns:
    """The strongest walls of each block, scaled to the power of all."""
    order = np.lexsort((-gain, leader))
    patch, leader, gain = patch[order], leader[order], gain[order]
    rank = np.arange(len(leader)) - np.searchsorted(leader, leader)
    kept = rank < MOST_WALLS
    total, left = (np.bincount(leader[which], gain[which], blocks) for which in (slice(None), kept))
    return patch[kept], leader[kept], gain[kept] * (total / np.maximum(left, 1e-300))[leader[kept]]
