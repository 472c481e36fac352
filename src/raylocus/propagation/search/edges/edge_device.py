"""What a kernel over chains of mirrors and edges works on, as arrays of the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.propagation.geometry.images import source_images
from raylocus.propagation.search.edges.edge_chains import EdgeChains
from raylocus.propagation.search.edges.edge_scene import EdgeScene


@dataclass(frozen=True)
class CellTargets:
    """Where paths are to end, and what a path must be worth there."""

    point: Float[np.ndarray, "target 3"]
    weakest: Float[np.ndarray, " target"]
    """Power gain below which a path is not wanted, unless it arrives first."""
    first: Float[np.ndarray, " target"]
    """Length of the earliest path known [m]."""


class DeviceChains:
    """Chains of a site as arrays of the device."""

    def __init__(self, scene: EdgeScene, source: Float[np.ndarray, "3"], chains: EdgeChains):
        import mitsuba as mi

        image = source_images(source, chains.before, scene.corner, scene.normal)[:, -1]
        self.image = mi.Float(image.astype(np.float32).ravel())
        self.before = [mi.Int(np.ascontiguousarray(column)) for column in chains.before.T.astype(np.int32)]
        self.after = [mi.Int(np.ascontiguousarray(column)) for column in chains.after.T.astype(np.int32)]
        self.wedge = mi.UInt(chains.wedge.astype(np.uint32))


class DeviceTargets:
    """Targets as arrays of the device."""

    def __init__(self, targets: CellTargets):
        import mitsuba as mi

        self.point = mi.Float(targets.point.astype(np.float32).ravel())
        self.weakest, self.first = (
            mi.Float(np.minimum(array, 1e30).astype(np.float32)) for array in (targets.weakest, targets.first)
        )


@dataclass(frozen=True)
class PreparedPairs:
    """Chains of one site and targets, on the device: what pairs of them are indices into."""

    site: Any
    chain_count: int
    chains: DeviceChains
    targets: DeviceTargets


@dataclass
class DevicePaths:
    """The paths of a kernel's pairs, whether they exist or not."""

    before: list[Any]
    edge: DeviceEdges
    after: list[Any]
    images: list[Any]
    """The UE, mirrored in the mirrors behind the edge from each on, the UE itself last."""
    image: Any
    """The site, mirrored."""
    met: Any
    """Where the edge is met."""
    overhang: Any
    """How far that is beyond the edge's ends [m]."""

    @property
    def mirrored(self) -> Any:
        """The UE, mirrored in all mirrors behind the edge."""
        return self.images[0]


@dataclass
class DeviceEdges:
    """The edges of a kernel's pairs."""

    origin: Any
    direction: Any
    length: Any
    face_0: Any
    face_n: Any

    def fermat(self, source: Any, target: Any) -> tuple[Any, Any]:
        """The point that a path meets, and by how much it lies beyond the edge's ends, negative between them [m].

        Unfolded about the edge the path is straight, see `geometry.images.fermat_points`.
        """
        import drjit as dr

        (source_along, source_away), (along, away) = self._polar(source), self._polar(target)
        where = (source_along * away + along * source_away) / (source_away + away)
        return self.origin + where * self.direction, dr.maximum(-where, where - self.length)

    def outside(self, end: Any) -> Any:
        """Whether an end is outside of the wedge."""
        import drjit as dr

        offset = end - self.origin
        return dr.maximum(dr.dot(offset, self.face_0), dr.dot(offset, self.face_n)) > 1e-3

    def _polar(self, end: Any) -> tuple[Any, Any]:
        """Position along the edge's line and distance from it."""
        import drjit as dr

        offset = end - self.origin
        along = dr.dot(offset, self.direction)
        return along, dr.norm(offset - along * self.direction)

    def strength(self, source: Any, target: Any, met: Any, wavelength: float) -> Any:
        """Bound of the power gain: UTD with |R| = 1 and F(x) ≤ min(1, √(πx)) (K&P eq. 25)."""
        import drjit as dr

        before, after = dr.norm(met - source), dr.norm(target - met)
        wavenumber = 2 * dr.pi / wavelength
        exterior = 2 * dr.pi - dr.acos(dr.clip(-dr.dot(self.face_0, self.face_n), -1, 1))
        n = exterior / dr.pi
        cosine = dr.dot(source - met, self.direction) / before
        sine = dr.sqrt(dr.maximum(1 - cosine * cosine, 1e-6))
        kl = wavenumber * before * after / (before + after) * sine * sine
        incident, leaving = (self._angle(end - met, exterior) for end in (source, target))
        total = 0.0
        for beta in (leaving - incident, leaving + incident):
            for sign in (1, -1):
                turns = dr.round((beta + sign * dr.pi) / (2 * exterior))
                x = kl * 2 * dr.square(dr.cos(exterior * turns - beta / 2))
                psi = (dr.pi + sign * beta) / (2 * n)
                cotangent = dr.abs(dr.cos(psi)) / dr.maximum(dr.abs(dr.sin(psi)), 1e-4)
                total += cotangent * dr.minimum(1, dr.sqrt(dr.pi * x))
        amplitude = total * wavelength / (4 * dr.pi * 2 * n * sine)
        return dr.square(amplitude) / (2 * dr.pi * wavenumber * before * after * (before + after))

    def _angle(self, vector: Any, exterior: Any) -> Any:
        """Angle about the edge from face 0, through the open space, see `utd._angle`."""
        import drjit as dr

        angle = dr.atan2(dr.dot(vector, self.face_0), dr.dot(vector, dr.cross(self.face_0, self.direction)))
        angle = dr.select(angle < 0, angle + 2 * dr.pi, angle)
        return dr.select(angle > dr.pi + exterior / 2, 0, dr.minimum(angle, exterior))
