"""Diffuse scattering: paths from a site over one patch of a rough wall to the ground cells that see it.

All patches of a wall that a ground cell sees are one path: it carries their power, and goes over the
patch that gives most of it. Effective roughness of Degli-Esposti et al. (IEEE Trans. Antennas Propag. 55, 2007), as in
Sionna: of the power that a patch would reflect, the share S² leaves in all directions, by Lambert's law or in a lobe
about the mirrored ray.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree
from scipy.special import binom

from raylocus.propagation.geometry.surfaces import Surfaces
from raylocus.propagation.rays.launcher import RayScene
from raylocus.ragged import Rows

#: Area of wall that one patch stands for [m²].
PATCH_AREA = 12.0
#: The plastic number's inverse powers: points of the R2 sequence (Roberts 2018) fill a triangle evenly.
_R2 = np.array([0.7548776662466927, 0.5698402909980532])


@dataclass(frozen=True)
class Patches:
    """Points on the walls and roofs of a scene, each for a piece of its triangle."""

    position: Float[np.ndarray, "patch 3"]
    """m."""
    normal: Float[np.ndarray, "patch 3"]
    """Unit normal, to either side."""
    area: Float[np.ndarray, " patch"]
    """m²."""
    facet: Int[np.ndarray, " patch"]
    """Wall that the patch is part of."""
    material: Int[np.ndarray, " patch"]
    """Index into MATERIALS."""
    triangle: Int[np.ndarray, " patch"]
    """Index of its triangle."""


def wall_patches(surfaces: Surfaces) -> Patches:
    """Patches of everything that is not ground."""
    area = surfaces.area
    count = np.where(surfaces.triangles.ground, 0, np.ceil(area / PATCH_AREA).astype(np.int64))
    rows = Rows.of(count)
    owner = rows.row
    share = (0.5 + (rows.rank + 1)[:, None] * _R2) % 1.0
    share = np.where(share.sum(axis=1, keepdims=True) > 1, 1 - share, share)
    corner = surfaces.vertices[owner]
    position = corner[:, 0] + np.einsum("ps,psi->pi", share, corner[:, 1:] - corner[:, :1])
    return Patches(
        position,
        surfaces.normal[owner],
        (area / np.maximum(count, 1))[owner],
        surfaces.facet[owner],
        surfaces.material[owner],
        owner,
    )


def scattering_pattern(
    incident: Float[np.ndarray, "pair 3"],
    scattered: Float[np.ndarray, "pair 3"],
    normal: Float[np.ndarray, "pair 3"],
    exponent: int,
) -> Float[np.ndarray, " pair"]:
    """Share of the scattered power per steradian; its integral over the half space is 1.

    Args:
        incident: unit propagation vectors towards the wall.
        scattered: unit propagation vectors away from it, on the same side.
        normal: unit normals on that side.
        exponent: α_R of the directive model; 0 for Lambert's cos θ/π.
    """
    if exponent == 0:
        return np.einsum("pi,pi->p", scattered, normal) / np.pi
    along = np.einsum("pi,pi->p", incident, normal)
    mirrored = incident - 2 * along[:, None] * normal
    lobe = ((1 + np.einsum("pi,pi->p", mirrored, scattered)) / 2) ** exponent
    return lobe / _lobe_integral(np.abs(along), exponent)


def _lobe_integral(cosine: Float[np.ndarray, " pair"], exponent: int) -> Float[np.ndarray, " pair"]:
    """F_α of Degli-Esposti et al.: the directive lobe's integral over the half space."""
    square = np.maximum(1 - cosine**2, 0)
    total = np.zeros_like(cosine)
    for order in range(exponent + 1):
        term = np.full_like(cosine, 2 * np.pi / (order + 1))
        if order % 2:
            series = sum(binom(2 * n, n) * square**n / 4.0**n for n in range((order - 1) // 2 + 1))
            term *= cosine * series
        total += binom(exponent, order) * term
    return total / 2.0**exponent


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
