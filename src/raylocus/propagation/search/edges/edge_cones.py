"""Mirrors behind an edge: met by rays on its Keller cone, which also show where such chains lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.geometry.images import source_images
from raylocus.propagation.search.edges.edge_chains import EdgeChains, distinct_rows
from raylocus.propagation.search.edges.edge_scene import EdgeScene, outside_wedges

#: Parts of an edge, from each of which rays look for mirrors.
EDGE_PARTS = 3
#: Rays that leave each part of an edge that the site sees, and of one that it sees over mirrors.
CONE_RAYS, MIRRORED_CONE_RAYS = 96, 32
#: Steps along a part from ray to ray: the golden ratio spreads any number of them evenly.
GOLDEN_RATIO = 0.6180339887
#: Most mirrors behind an edge.
MIRRORS_BEHIND = 2


@dataclass(frozen=True)
class Landings:
    """Where rays ended that had gone the way of a chain: near there is what it reaches."""

    chain: Int[np.ndarray, " ray"]
    """Index of the chain."""
    point: Float[np.ndarray, "ray 2"]
    """x and y [m]."""

    def of(self, chosen: Int[np.ndarray, " chosen"], chain_count: int) -> Landings:
        """Those of some of all chains, which are renumbered in that order."""
        number = np.full(chain_count, -1)
        number[chosen] = np.arange(len(chosen))
        kept = np.flatnonzero(number[self.chain] >= 0)
        return Landings(number[self.chain[kept]], self.point[kept])


class ConeSearch:
    """Lengthens the chains of one scene by mirrors behind their edge."""

    def __init__(self, scene: EdgeScene):
        """Keeps the scene."""
        self._scene = scene

    def mirrored_after(
        self, source: Float[np.ndarray, "3"], seen: EdgeChains, mirrors: int, generator: np.random.Generator
    ) -> tuple[EdgeChains, Landings]:
        """Chains with the mirrors that their diffracted rays meet, and where those rays go from there.

        Args:
            source: position of the site [m].
            seen: chains without a mirror behind their edge.
            mirrors: most mirrors of a chain, those before its edge included.
            generator: turns the rays.
        """
        image = source_images(source, seen.before, self._scene.corner, self._scene.normal)[:, -1]
        rays = MIRRORED_CONE_RAYS if seen.mirrored else CONE_RAYS
        left = np.minimum(mirrors - (seen.before >= 0).sum(axis=1), MIRRORS_BEHIND)
        chain = np.repeat(np.flatnonzero(left > 0), rays)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        number = np.arange(len(chain)) % rays
        for part in range(EDGE_PARTS):
            along = (number * GOLDEN_RATIO + generator.random()) % 1
            start = self._scene.next_to_edges(seen.wedge[chain], (part + along) / EDGE_PARTS)
            turn = (number + generator.random(len(chain))) / rays
            direction = self._on_cone(start - image[chain], seen.wedge[chain], turn)
            free = np.flatnonzero(outside_wedges(direction, self._scene.wedges.normals[seen.wedge[chain]]))
            found += self._mirrors_met(start[free], direction[free], chain[free], left)
        after, chain, point = (np.concatenate(column) for column in zip(*found, strict=True))
        facet = np.where(after >= 0, self._scene.facet[after], -1)
        first, of_ray = distinct_rows(np.column_stack([facet, chain]))
        after, wedge = after[first], seen.wedge[chain[first]]
        apart = np.flatnonzero(~self._scene.holds_edge(after[:, 0], wedge))
        chains = EdgeChains(seen.before[chain[first]], wedge, after).select(apart)
        return chains, Landings(of_ray, point).of(apart, len(first))

    def _mirrors_met(
        self,
        start: Float[np.ndarray, "ray 3"],
        direction: Float[np.ndarray, "ray 3"],
        chain: Int[np.ndarray, " ray"],
        left: Int[np.ndarray, " chain"],
    ) -> list[
        tuple[Int[np.ndarray, "found mirrors"], Int[np.ndarray, " found"], Float[np.ndarray, "found 2"]]
    ]:
        """Mirrors that diffracted rays meet one after the other, as many as their chain has left.

        Each with the rays' chains and where they were at the last mirror and at what they hit next.
        """
        passed = np.zeros((len(start), 0), np.int64)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for bounce in range(MIRRORS_BEHIND + 1):
            distance, triangle = self._scene.rays.first_hit(start, direction)
            hit = np.flatnonzero(triangle >= 0)
            end = start[hit] + distance[hit, None] * direction[hit]
            if bounce:
                after = np.full((len(start), MIRRORS_BEHIND), -1)
                after[:, :bounce] = passed
                # A ray off the ground may leave for the sky, but passed UEs where it was reflected.
                found += [(after, chain, start[:, :2]), (after[hit], chain[hit], end[:, :2])]
            met = self._scene.is_mirror(triangle[hit]) & (left[chain[hit]] > bounce)
            kept, end = hit[met], end[met]
            passed, chain = np.column_stack([passed[kept], triangle[kept]]), chain[kept]
            start, direction = self._scene.reflected(end, direction[kept], passed[:, -1])
        return found

    def _on_cone(
        self,
        incident: Float[np.ndarray, "n 3"],
        wedge: Int[np.ndarray, " n"],
        turn: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, "n 3"]:
        """Diffracted directions: the angle with the edge is kept (Keller 1962), the one about it is free."""
        edge, across = self._scene.wedges.direction[wedge], self._scene.wedges.normals[wedge, 0]
        incident = incident / np.linalg.norm(incident, axis=1, keepdims=True)
        along = np.einsum("ni,ni->n", incident, edge)[:, None]
        angle = 2 * np.pi * turn[:, None]
        around = np.cos(angle) * across + np.sin(angle) * np.cross(edge, across)
        return along * edge + np.sqrt(np.maximum(1 - along**2, 0)) * around
