"""What a kernel over chains of mirrors and edges works on, as arrays of the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.edge_chains import EdgeChains


@dataclass(frozen=True)
class CellTargets:
    """Where paths are to end, and what a path must be worth there."""

    point: Float[np.ndarray, "target 3"]
    weakest: Float[np.ndarray, "target"]
    """Power gain below which a path is not wanted, unless it arrives first."""
    first: Float[np.ndarray, "target"]
    """Length of the earliest path known [m]."""

    def select(self, index: Int[np.ndarray, "chosen"]) -> CellTargets:
        """Some of the targets."""
        return CellTargets(self.point[index], self.weakest[index], self.first[index])


class DevicePairs:
    """Chains and targets as arrays of the device."""

    def __init__(self, chains: EdgeChains, targets: CellTargets):
        import mitsuba as mi

        self.before, self.after = (mi.Int(array.astype(np.int32)) for array in (chains.before, chains.after))
        self.wedge = mi.UInt(chains.wedge.astype(np.uint32))
        self.point = mi.Float(targets.point.astype(np.float32).ravel())
        self.weakest, self.first = (
            mi.Float(np.minimum(array, 1e30).astype(np.float32)) for array in (targets.weakest, targets.first)
        )


@dataclass
class DevicePaths:
    """The paths of a kernel's pairs, whether they exist or not."""

    before: Any
    edge: DeviceEdges
    after: Any
    ue: Any
    image: Any
    """The site, mirrored."""
    mirrored: Any
    """The UE, mirrored."""
    met: Any
    """Where the edge is met."""


@dataclass
class DeviceEdges:
    """The edges of a kernel's pairs."""

    origin: Any
    direction: Any
    length: Any
    face_0: Any
    face_n: Any

    def fermat(self, source: Any, target: Any) -> tuple[Any, Any]:
        """The point that a path meets, and whether it lies on the edge with both ends outside of the wedge."""
        import drjit as dr

        valid = True
        polar = []
        for end in (source, target):
            offset = end - self.origin
            along = dr.dot(offset, self.direction)
            polar.append((along, dr.norm(offset - along * self.direction)))
            valid &= (dr.dot(offset, self.face_0) > 1e-3) | (dr.dot(offset, self.face_n) > 1e-3)
        (source_along, source_away), (along, away) = polar
        where = (source_along * away + along * source_away) / (source_away + away)
        return self.origin + where * self.direction, valid & (where > 0) & (where < self.length)

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
        incident, leaving = self._angle(source - met), self._angle(target - met)
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

    def _angle(self, vector: Any) -> Any:
        """Angle about the edge from face 0, through the open space."""
        import drjit as dr

        angle = dr.atan2(dr.dot(vector, self.face_0), dr.dot(vector, dr.cross(self.face_0, self.direction)))
        return dr.select(angle < 0, angle + 2 * dr.pi, angle)
