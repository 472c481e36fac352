"""One kernel for paths over an edge, with a mirror before or after it: geometry, strength, shadow rays.

Millions of pairs of a chain (mirror, edge, mirror) and a ground cell are tried, nearly all in vain, so
everything that refuses one is computed in registers, by Dr.Jit: the site mirrored in the first mirror, the
UE in the second, Fermat's point of the edge between them, a bound of the field, and last the segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.edge_chains import EDGE_OFFSET, EDGE_TOLERANCE, EdgeChains
from raylocus.propagation.edge_device import CellTargets, DeviceEdges, DevicePairs, DevicePaths
from raylocus.propagation.edge_scene import EdgeScene
from raylocus.propagation.launcher import SURFACE_OFFSET
from raylocus.propagation.verification import HIT_TOLERANCE

#: Relative permittivity that bounds the reflection of walls of any material but metal.
WALL_PERMITTIVITY = 7.0
#: Pairs of one kernel; bounds the memory to about 100 MB.
BATCH = 1 << 22


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
        device = DevicePairs(chains, targets)
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

        device, found = DevicePairs(chains, targets), []
        for start in range(0, len(chain), BATCH):
            part = slice(start, start + BATCH)
            index = (mi.UInt(array[part].astype(np.uint32)) for array in (chain, target))
            found.append(self._found(source, device, *index) + start)
        return np.concatenate([np.zeros(0, np.int64), *found])

    def _found(
        self, source: Float[np.ndarray, "3"], device: DevicePairs, chain: Any, target: Any
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

    def _promising(self, site: Any, device: DevicePairs, chain: Any, target: Any) -> Any:
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

    def _clear(self, site: Any, device: DevicePairs, chain: Any, target: Any) -> Any:
        """Whether nothing is in the way of paths that are promising."""
        import mitsuba as mi

        path = self._path(site, device, chain, target)
        met = path.met + EDGE_OFFSET * (path.edge.face_0 + path.edge.face_n)
        valid = self._connected(path.ue, met, path.mirrored, path.after, mi.Bool(True))
        return self._connected(site, met, path.image, path.before, valid)

    def _path(self, site: Any, device: DevicePairs, chain: Any, target: Any) -> DevicePaths:
        import drjit as dr
        import mitsuba as mi

        before, after = (dr.gather(mi.Int, column, chain) for column in (device.before, device.after))
        edge = self._edge(dr.gather(mi.UInt, device.wedge, chain))
        ue = dr.gather(mi.Point3f, device.point, target)
        image, mirrored = self._mirrored(site, before), self._mirrored(ue, after)
        met, _ = edge.fermat(image, mirrored)
        return DevicePaths(before, edge, after, ue, image, mirrored, met)

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

    def _edge(self, wedge: Any) -> DeviceEdges:
        import drjit as dr
        import mitsuba as mi

        return DeviceEdges(
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
