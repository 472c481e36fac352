"""One kernel for paths over an edge, with a mirror before or after it: geometry, strength, shadow rays.

Millions of pairs of a chain (mirror, edge, mirror) and a ground cell are tried, nearly all in vain, so
everything that refuses one is computed in registers, by Dr.Jit: the site mirrored in the first mirror, the
UE in the second, Fermat's point of the edge between them, a bound of the field, and last the segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.edge_chains import EDGE_OFFSET, EDGE_TOLERANCE, EdgeChains
from raylocus.propagation.edge_scene import EdgeScene
from raylocus.propagation.launcher import SURFACE_OFFSET
from raylocus.propagation.verification import HIT_TOLERANCE

#: Relative permittivity that bounds the reflection of walls of any material but metal.
WALL_PERMITTIVITY = 7.0
#: Pairs of one kernel; bounds the memory to about 100 MB.
BATCH = 1 << 22


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


#: A path that arrives first may be this much weaker than what is wanted otherwise (power).
FIRST_ALLOWANCE = 1e-3


class EdgeKernel:
    """Tries chains of one scene."""

    def __init__(self, scene: EdgeScene, wavelength: float):
        """Moves the scene's planes and edges to the device.

        Args:
            scene: what is searched.
            wavelength: wavelength [m].
        """
        import mitsuba as mi

        self._rays, self._wavelength, wedges = scene.rays, wavelength, scene.wedges
        floats = (
            scene.corner,
            scene.normal,
            wedges.origin,
            wedges.direction,
            *np.moveaxis(wedges.normals, 1, 0),
        )
        self._corner, self._normal, self._origin, self._direction, self._face_0, self._face_n = (
            mi.Float(array.astype(np.float32).ravel()) for array in floats
        )
        self._length = mi.Float(wedges.length.astype(np.float32))
        self._facet = mi.UInt(scene.facet.astype(np.uint32))

    def all_pairs(
        self, source: Float[np.ndarray, "3"], chains: EdgeChains, targets: CellTargets
    ) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"]]:
        """Of every chain with every target, those that are paths: indices of both."""
        import drjit as dr
        import mitsuba as mi

        count, found = len(targets.point), []
        device = _Device(chains, targets)
        step = max(BATCH // max(count, 1), 1) * count
        for start in range(0, len(chains) * count, max(step, 1)):
            # Numbered within the batch: a large tile has more pairs than 32 bits can count.
            pair = dr.arange(mi.UInt, min(step, len(chains) * count - start))
            chain = pair // dr.opaque(mi.UInt, count)
            target = pair - chain * dr.opaque(mi.UInt, count)
            chain += dr.opaque(mi.UInt, start // count)
            found.append(self._found(source, device, chain, target) + start)
        return np.divmod(np.concatenate([np.zeros(0, np.int64), *found]), max(count, 1))

    def pairs(
        self,
        source: Float[np.ndarray, "3"],
        chains: EdgeChains,
        targets: CellTargets,
        chain: Int[np.ndarray, "pair"],
        target: Int[np.ndarray, "pair"],
    ) -> Int[np.ndarray, "path"]:
        """Which of the given pairs of a chain and a target are paths."""
        import mitsuba as mi

        device, found = _Device(chains, targets), []
        for start in range(0, len(chain), BATCH):
            part = slice(start, start + BATCH)
            index = (mi.UInt(array[part].astype(np.uint32)) for array in (chain, target))
            found.append(self._found(source, device, *index) + start)
        return np.concatenate([np.zeros(0, np.int64), *found])

    def _found(
        self, source: Float[np.ndarray, "3"], device: _Device, chain: Any, target: Any
    ) -> Int[np.ndarray, "path"]:
        """Which pairs are paths: rays are only shot for those that geometry and strength leave."""
        import drjit as dr
        import mitsuba as mi

        site = mi.Point3f(*(dr.opaque(mi.Float, float(value)) for value in source))
        promising = dr.compress(self._promising(site, device, chain, target))
        if not len(promising):
            return np.zeros(0, np.int64)
        chain, target = (dr.gather(mi.UInt, each, promising) for each in (chain, target))
        clear = dr.compress(self._clear(site, device, chain, target))
        return dr.gather(mi.UInt, promising, clear).numpy().astype(np.int64)

    def _promising(self, site: Any, device: _Device, chain: Any, target: Any) -> Any:
        """Whether Fermat's point lies on the edge, the mirrors face it and the field is strong enough."""
        import drjit as dr
        import mitsuba as mi

        path = self._path(site, device, chain, target)
        _, valid = path.edge.fermat(path.image, path.mirrored)
        length = dr.norm(path.image - path.met) + dr.norm(path.met - path.mirrored)
        bound = path.edge.strength(path.image, path.mirrored, path.met, self._wavelength)
        for mirror, end in ((path.before, path.image), (path.after, path.mirrored)):
            bound *= self._mirror_strength(mirror, end - path.met)
        weakest = dr.gather(mi.Float, device.weakest, target)
        early = length < dr.gather(mi.Float, device.first, target) - 1e-2
        return valid & (bound > dr.select(early, FIRST_ALLOWANCE, 1.0) * weakest)

    def _clear(self, site: Any, device: _Device, chain: Any, target: Any) -> Any:
        """Whether nothing is in the way of paths that are promising."""
        import mitsuba as mi

        path = self._path(site, device, chain, target)
        met = path.met + EDGE_OFFSET * (path.edge.face_0 + path.edge.face_n)
        valid = self._connected(path.ue, met, path.mirrored, path.after, mi.Bool(True))
        return self._connected(site, met, path.image, path.before, valid)

    def _path(self, site: Any, device: _Device, chain: Any, target: Any) -> _Path:
        import drjit as dr
        import mitsuba as mi

        before, after = (dr.gather(mi.Int, column, chain) for column in (device.before, device.after))
        edge = self._edge(dr.gather(mi.UInt, device.wedge, chain))
        ue = dr.gather(mi.Point3f, device.point, target)
        image, mirrored = self._mirrored(site, before), self._mirrored(ue, after)
        met, _ = edge.fermat(image, mirrored)
        return _Path(before, edge, after, ue, image, mirrored, met)

    def _mirrored(self, point: Any, triangle: Any) -> Any:
        import drjit as dr

        corner, normal = self._plane(triangle)
        return point - 2 * dr.dot(point - corner, normal) * normal

    def _plane(self, triangle: Any) -> tuple[Any, Any]:
        import drjit as dr
        import mitsuba as mi

        index = mi.UInt(dr.maximum(triangle, 0))
        return (
            dr.gather(mi.Point3f, self._corner, index, triangle >= 0),
            dr.gather(mi.Vector3f, self._normal, index, triangle >= 0),
        )

    def _edge(self, wedge: Any) -> _Edge:
        import drjit as dr
        import mitsuba as mi

        return _Edge(
            dr.gather(mi.Point3f, self._origin, wedge),
            dr.gather(mi.Vector3f, self._direction, wedge),
            dr.gather(mi.Float, self._length, wedge),
            dr.gather(mi.Vector3f, self._face_0, wedge),
            dr.gather(mi.Vector3f, self._face_n, wedge),
        )

    def _mirror_strength(self, triangle: Any, ray: Any) -> Any:
        """Bound of a slab's power reflection, TE; 1 where there is no mirror."""
        import drjit as dr

        _, normal = self._plane(triangle)
        cosine = dr.abs(dr.dot(dr.normalize(ray), normal))
        root = dr.sqrt(WALL_PERMITTIVITY - 1 + cosine * cosine)
        single = (root - cosine) / (root + cosine)
        # Both faces of a slab add up at worst to 2r/(1 + r²).
        return dr.select(triangle >= 0, dr.square(2 * single / (1 + single * single)), 1.0)

    def _connected(self, end: Any, met: Any, image: Any, mirror: Any, valid: Any) -> Any:
        """Whether the segments from an end (site or UE) over its mirror to the edge are clear."""
        import drjit as dr
        import mitsuba as mi

        corner, normal = self._plane(mirror)
        folded = mirror >= 0
        span = met - image
        share = dr.dot(corner - image, normal) / dr.dot(span, normal)
        possible = valid & (~folded | ((share > 0) & (share < 1)))
        bounce = dr.select(folded, image + share * span, met)
        # From the end to its mirror the ray must hit the facet, or without a mirror reach the edge.
        leg = bounce - end
        length = dr.norm(leg)
        distance, hit = self._rays.hit(end + SURFACE_OFFSET / length * leg, leg / length, possible)
        distance += SURFACE_OFFSET
        same = dr.gather(mi.UInt, self._facet, hit, possible & folded) == dr.gather(
            mi.UInt, self._facet, mi.UInt(dr.maximum(mirror, 0)), possible & folded
        )
        on_mirror = same & (dr.abs(distance - length) < HIT_TOLERANCE)
        possible &= dr.select(folded, on_mirror, distance > length - EDGE_TOLERANCE)
        rest = possible & folded
        return (possible & ~folded) | self._rays.clear(bounce, met, EDGE_TOLERANCE, rest)


class _Device:
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
class _Path:
    """The paths of a kernel's pairs, whether they exist or not."""

    before: Any
    edge: _Edge
    after: Any
    ue: Any
    image: Any
    """The site, mirrored."""
    mirrored: Any
    """The UE, mirrored."""
    met: Any
    """Where the edge is met."""


@dataclass
class _Edge:
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
