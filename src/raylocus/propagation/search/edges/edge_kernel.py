"""Kernels for paths over an edge, with mirrors before and after it: geometry, strength, shadow rays.

Millions of pairs of a chain (mirrors, edge, mirror) and a ground cell are tried, nearly all in vain, so
everything that refuses one is computed in registers, by Dr.Jit: the UE mirrored in the mirror behind the edge,
Fermat's point of the edge between it and the site's image, a bound of the field, and last the segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.materials.materials import MirrorBounds, RadioMaterials
from raylocus.propagation.search.edges.edge_chains import EDGE_TOLERANCE, EdgeChains
from raylocus.propagation.search.edges.edge_device import (
    CellTargets,
    DeviceChains,
    DeviceEdges,
    DevicePaths,
    DeviceTargets,
    PreparedPairs,
)
from raylocus.propagation.search.edges.edge_scene import EDGE_OFFSET, EdgeScene
from raylocus.propagation.search.specular import HIT_TOLERANCE

#: Pairs of one kernel; bounds the memory to about 100 MB.
BATCH = 1 << 22
#: A path that arrives first may be this much weaker than what is wanted otherwise (power).
FIRST_ALLOWANCE = 1e-3


class EdgeKernel:
    """Tries chains of one scene."""

    def __init__(self, scene: EdgeScene, materials: RadioMaterials):
        """Moves the scene's planes and edges to the device.

        Args:
            scene: what is searched.
            materials: electrical properties, for the bound.
        """
        import mitsuba as mi

        self._scene, self._wavelength, wedges = scene, materials.wavelength, scene.wedges
        self._mirrors = MirrorBounds(materials, scene.material)
        self._verifier = scene.verifier
        floats = (
            scene.facet_low,
            scene.facet_high,
            wedges.origin,
            wedges.direction,
            *np.moveaxis(wedges.normals, 1, 0),
        )
        self._low, self._high, self._origin, self._direction, self._face_0, self._face_n = (
            mi.Float(array.astype(np.float32).ravel()) for array in floats
        )
        self._length = mi.Float(wedges.length.astype(np.float32))

    def prepared(
        self, source: Float[np.ndarray, "3"], chains: EdgeChains, targets: CellTargets
    ) -> PreparedPairs:
        """A site's chains and targets, moved to the device.

        Args:
            source: position of the site [m].
            chains: mirrors and edges.
            targets: where paths may end.
        """
        import drjit as dr
        import mitsuba as mi

        site = mi.Point3f(*(dr.opaque(mi.Float, float(value)) for value in source))
        return PreparedPairs(
            site, len(chains), DeviceChains(self._scene, source, chains), DeviceTargets(targets)
        )

    def all_pairs(
        self, pairs: PreparedPairs, target: Int[np.ndarray, " target"]
    ) -> tuple[Int[np.ndarray, " path"], Int[np.ndarray, " path"]]:
        """Of every chain with each of some targets, those that are paths: index of the chain and into `target`."""
        import drjit as dr
        import mitsuba as mi

        count, found, chosen = len(target), [np.zeros(0, np.int64)], mi.UInt(target.astype(np.uint32))
        step = max(BATCH // max(count, 1), 1)
        for start in range(0, pairs.chain_count if count else 0, step):
            # Numbered within the batch: a large tile has more pairs than 32 bits can count.
            pair = dr.arange(mi.UInt, min(step, pairs.chain_count - start) * count)
            within = pair // dr.opaque(mi.UInt, count)
            chain, place = within + dr.opaque(mi.UInt, start), pair - within * dr.opaque(mi.UInt, count)
            found.append(self._found(pairs, chain, dr.gather(mi.UInt, chosen, place)) + start * count)
        return np.divmod(np.concatenate(found), max(count, 1))

    def pairs(
        self, pairs: PreparedPairs, chain: Int[np.ndarray, " pair"], target: Int[np.ndarray, " pair"]
    ) -> Int[np.ndarray, " path"]:
        """Which of the given pairs of a chain and a target are paths."""
        import mitsuba as mi

        found = [np.zeros(0, np.int64)]
        for start in range(0, len(chain), BATCH):
            part = slice(start, start + BATCH)
            index = (mi.UInt(array[part].astype(np.uint32)) for array in (chain, target))
            found.append(self._found(pairs, *index) + start)
        return np.concatenate(found)

    def _found(self, pairs: PreparedPairs, chain: Any, target: Any) -> Int[np.ndarray, " path"]:
        """Which pairs are paths: what refuses most at the least cost is asked first, rays come last."""
        import drjit as dr
        import mitsuba as mi

        kept = dr.arange(mi.UInt, dr.width(target))
        tests = (
            lambda path, _: self._possible(path),
            lambda path, target: self._strong(path, pairs.targets, target),
            lambda path, _: self._clear(pairs.site, path),
        )
        for test in tests:
            ue = dr.gather(mi.Point3f, pairs.targets.point, target)
            index: Any = dr.compress(test(self._path(pairs.chains, chain, ue), target))
            chain, target, kept = (dr.gather(mi.UInt, each, index) for each in (chain, target, kept))
            if not len(index):
                break
        return kept.numpy().astype(np.int64)

    def _possible(self, path: DevicePaths) -> Any:
        """Whether Fermat's point lies on the edge, and the way from there to the UE meets the mirror behind it."""
        edge = path.edge
        possible = (path.overhang < 0) & edge.outside(path.image) & edge.outside(path.mirrored)
        return possible & self._meets(path) if path.after else possible

    def _meets(self, path: DevicePaths) -> Any:
        """Whether the first mirror behind the edge is met inside the box around its facet; true where there is none."""
        import drjit as dr
        import mitsuba as mi

        mirror = path.after[0]
        corner, normal = self._verifier.plane(mirror)
        span = path.mirrored - path.met
        share = dr.dot(corner - path.met, normal) / dr.dot(span, normal)
        bounce = path.met + share * span
        index = mi.UInt(dr.maximum(mirror, 0))
        low, high = (dr.gather(mi.Point3f, box, index, mirror >= 0) for box in (self._low, self._high))
        inside = dr.all((bounce > low - HIT_TOLERANCE) & (bounce < high + HIT_TOLERANCE))
        return (mirror < 0) | ((share > 0) & (share < 1) & inside)

    def _strong(self, path: DevicePaths, targets: DeviceTargets, target: Any) -> Any:
        """Whether the field may be as strong as is wanted."""
        import drjit as dr
        import mitsuba as mi

        length = dr.norm(path.image - path.met) + dr.norm(path.met - path.mirrored)
        bound = path.edge.strength(path.image, path.mirrored, path.met, self._wavelength)
        for mirrors, end in ((path.after, path.mirrored), (path.before[::-1], path.image)):
            normals = [self._verifier.plane(mirror)[1] for mirror in mirrors]
            bound *= self._mirrors.power(mirrors, normals, end - path.met)
        weakest = dr.gather(mi.Float, targets.weakest, target)
        early = length < dr.gather(mi.Float, targets.first, target) - 1e-2
        return bound > dr.select(early, FIRST_ALLOWANCE, 1.0) * weakest

    def _clear(self, site: Any, path: DevicePaths) -> Any:
        """Whether nothing is in the way."""
        import mitsuba as mi

        met = path.met + EDGE_OFFSET * (path.edge.face_0 + path.edge.face_n)
        valid = self._verifier.connected(met, path.images[-1], path.after, EDGE_TOLERANCE, mi.Bool(True))
        return self._verifier.connected(site, met, path.before, EDGE_TOLERANCE, valid)

    def _path(self, chains: DeviceChains, chain: Any, ue: Any) -> DevicePaths:
        import drjit as dr
        import mitsuba as mi

        before, after = (
            [dr.gather(mi.Int, column, chain) for column in columns]
            for columns in (chains.before, chains.after)
        )
        edge, image = (
            self._edge(dr.gather(mi.UInt, chains.wedge, chain)),
            dr.gather(mi.Point3f, chains.image, chain),
        )
        images = [ue]
        for mirror in reversed(after):
            images.insert(0, self._verifier.mirrored(images[0], mirror))
        met, overhang = edge.fermat(image, images[0])
        return DevicePaths(before, edge, after, images, image, met, overhang)

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
