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

from raylocus.propagation.geometry.rough_walls import Patches, scattering_pattern, wall_patches
from raylocus.propagation.rays.launcher import RayScene

#: Ground cells further from a patch than this get nothing from it: the power falls with the square [m].
REACH = 100.0
#: Walls of a ground cell that are kept, the strongest; they carry the power of the others too.
MOST_WALLS = 8
#: A shadow ray may end this far short of a patch [m].
TOLERANCE = 2e-2
#: Pairs of patch and ground cell in work at once; bounds the memory to about 200 MB.
CHUNK = 1 << 19


@dataclass(frozen=True)
class ScatteredPaths:
    """Paths from one site, each over one wall."""

    ground_cell: Int[np.ndarray, " path"]
    patch: Int[np.ndarray, " path"]
    gain: Float[np.ndarray, " path"]
    """Σ f_s cos θ_i A/(r_i² r_s²) over the patches that the path stands for [1/m²]; S² Γ² is not in it."""


class ScatteringSearch:
    """Finds the scattered paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        point: Float[np.ndarray, "ground_cell 3"],
        outdoor: Bool[np.ndarray, " ground_cell"],
        exponent: int,
    ):
        """Covers the walls with patches.

        Args:
            scene: what stands in the way.
            point: UE position of every ground cell [m].
            outdoor: ground cells that are covered.
            exponent: width of the scattering lobe, see `scattering_pattern`.
        """
        self.patches: Patches = wall_patches(scene.surfaces)
        self._scene, self._point, self._exponent = scene, point, exponent
        self._cells = np.flatnonzero(outdoor)

    def paths(self, source: Float[np.ndarray, "3"]) -> ScatteredPaths:
        """Every scattered path from a site."""
        parts = [self._seen(source, patch, cell) for patch, cell in self._pairs(self._illuminated(source))]
        return _strongest(_merged(self.patches.facet, parts))

    def _illuminated(self, source: Float[np.ndarray, "3"]) -> Int[np.ndarray, " illuminated"]:
        position = self.patches.position
        return np.flatnonzero(self._clear(np.broadcast_to(source, position.shape), position))

    def _pairs(
        self, illuminated: Int[np.ndarray, " illuminated"]
    ) -> Iterator[tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]]:
        """Pairs of illuminated patch and ground cell within reach, some at a time."""
        tree = cKDTree(self._point[self._cells])
        near = tree.query_ball_point(self.patches.position[illuminated], REACH, return_sorted=True)
        count = np.array([len(each) for each in near], np.int64)
        piece = np.cumsum(count) // CHUNK
        for number in np.unique(piece):
            chosen = np.flatnonzero(piece == number)
            cell = np.concatenate([np.asarray(near[each], np.int64) for each in chosen])
            yield np.repeat(illuminated[chosen], count[chosen]), self._cells[cell]

    def _seen(
        self,
        source: Float[np.ndarray, "3"],
        patch: Int[np.ndarray, " pair"],
        cell: Int[np.ndarray, " pair"],
    ) -> ScatteredPaths:
        """The pairs with nothing in between, and their gains."""
        gain = self._gain(source, patch, self._point[cell])
        kept = np.flatnonzero(gain > 0)
        kept = kept[self._clear(self._point[cell[kept]], self.patches.position[patch[kept]])]
        return ScatteredPaths(cell[kept], patch[kept], gain[kept])

    def _gain(
        self,
        source: Float[np.ndarray, "3"],
        patch: Int[np.ndarray, " pair"],
        target: Float[np.ndarray, "pair 3"],
    ) -> Float[np.ndarray, " pair"]:
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

    def _clear(
        self, start: Float[np.ndarray, "segment 3"], end: Float[np.ndarray, "segment 3"]
    ) -> Bool[np.ndarray, " segment"]:
        span = end - start
        length = np.linalg.norm(span, axis=1)
        distance, _ = self._scene.first_hit(start, span / np.maximum(length, 1e-9)[:, None])
        return distance > length - TOLERANCE


def _merged(facet: Int[np.ndarray, " patch"], parts: list[ScatteredPaths]) -> ScatteredPaths:
    """One path a wall and ground cell: the power of all patches, the geometry of the strongest."""
    empty = ScatteredPaths(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    cell, patch, gain = (
        np.concatenate([getattr(part, name) for part in [empty, *parts]])
        for name in ("ground_cell", "patch", "gain")
    )
    if not len(patch):
        return empty
    order = np.lexsort((-gain, facet[patch], cell))
    new = np.diff(cell[order], prepend=-1) | np.diff(facet[patch[order]], prepend=-1)
    start = np.flatnonzero(new)
    best = order[start]
    return ScatteredPaths(cell[best], patch[best], np.add.reduceat(gain[order], start))


def _strongest(found: ScatteredPaths) -> ScatteredPaths:
    """The strongest walls of each ground cell, scaled to the power of all."""
    order = np.lexsort((-found.gain, found.ground_cell))
    cell, gain = found.ground_cell[order], found.gain[order]
    kept = np.flatnonzero(np.arange(len(cell)) - np.searchsorted(cell, cell) < MOST_WALLS)
    share = np.bincount(cell[kept], gain[kept]) / np.maximum(np.bincount(cell, gain), 1e-300)
    return ScatteredPaths(cell[kept], found.patch[order][kept], gain[kept] / share[cell[kept]])
