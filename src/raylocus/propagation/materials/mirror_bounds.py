"""How much power mirrors reflect at most: a table over materials and angles, which kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.materials.materials import RadioMaterials, slab_reflection

#: Bins of the cosine of the angle of incidence, and samples of each.
BINS, SAMPLES = 64, 8


def strongest_reflections(materials: RadioMaterials) -> Float[np.ndarray, "material bin"]:
    """Most of the power that slabs reflect of either polarisation, in bins of the cosine of incidence from 0 to 1.

    Where every building has materials of its own all power counts as reflected.
    """
    permittivity, count = materials.complex_permittivity, len(materials.permittivity)
    if materials.buildings is not None:
        return np.ones((count, BINS))
    # At grazing itself a slab without loss is 0/0.
    cosine = np.tile(np.maximum(np.linspace(0, 1, BINS * SAMPLES + 1), 1e-6), (count, 1))
    thickness = np.broadcast_to(np.reshape(materials.thickness, (-1, 1)), cosine.shape)
    slabs = np.broadcast_to(permittivity[:, None], cosine.shape)
    electric, magnetic = slab_reflection(
        cosine.ravel(), slabs.ravel(), thickness.ravel(), materials.wavelength
    )
    power = np.maximum(np.abs(electric), np.abs(magnetic)).reshape(cosine.shape) ** 2
    of_bin = np.arange(BINS)[:, None] * SAMPLES + np.arange(SAMPLES + 1)
    return np.minimum(power[:, of_bin].max(axis=2), 1.0)


class MirrorBounds:
    """The table and each triangle's material, on the device."""

    def __init__(self, materials: RadioMaterials, material: Int[np.ndarray, " triangle"]):
        """Moves both.

        Args:
            materials: electrical properties.
            material: index into `MATERIALS` of each triangle.
        """
        import mitsuba as mi

        self._table = mi.Float(strongest_reflections(materials).astype(np.float32).ravel())
        self._material = mi.UInt(material.astype(np.uint32))

    def power(self, mirrors: list[Any], normals: list[Any], ray: Any) -> Any:
        """Bound of the power that triangles of a kernel being traced reflect one after the other; −1 reflects all.

        Args:
            mirrors: the triangles, in the order in which the ray meets them.
            normals: of their planes.
            ray: direction of the ray at the first of them, of any length.
        """
        import drjit as dr
        import mitsuba as mi

        bound: Any = 1.0
        for mirror, normal in zip(mirrors, normals, strict=True):
            along, touched = dr.dot(ray, normal), mirror >= 0
            material = dr.gather(mi.UInt, self._material, mi.UInt(dr.maximum(mirror, 0)), touched)
            place = dr.minimum(mi.UInt(dr.abs(along) / dr.norm(ray) * BINS), BINS - 1)
            bound *= dr.select(
                touched, dr.gather(mi.Float, self._table, material * BINS + place, touched), 1.0
            )
            ray -= 2 * along * normal
        return bound
