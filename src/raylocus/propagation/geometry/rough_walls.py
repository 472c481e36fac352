"""Rough walls: where a scene scatters, and how much into which direction.

Effective roughness of Degli-Esposti et al. (IEEE Trans. Antennas Propag. 55, 2007), as in Sionna: of the
power that a patch would reflect, the share S² leaves in all directions, by Lambert's law or in a lobe
about the mirrored ray.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import binom

from raylocus.propagation.geometry.surfaces import Surfaces
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
