"""Which edges a site reaches directly or over mirrors, and which mirrors an edge's rays meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.directions import low_discrepancy, uniform_directions
from raylocus.propagation.edge_scene import EdgeScene
from raylocus.propagation.images import source_images
from raylocus.propagation.launcher import SURFACE_OFFSET
from raylocus.propagation.verification import PathVerifier

#: A shadow ray may end this far short of an edge [m]: the faces meet there.
EDGE_TOLERANCE = 5e-2
#: Paths meet an edge this far outside of it [m], so that no segment starts on its faces.
EDGE_OFFSET = 1e-2
#: Points of an edge that are looked at, as shares of its length: often only its upper end is in sight.
SEEN_POINTS = (0.5, 0.02, 0.98, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6)
#: Points of an edge from which rays look for mirrors.
EDGE_POINTS = (0.2, 0.5, 0.8)
#: Rays that leave the site to find mirrors: one every 4 m² of a wall 300 m away that faces the site.
SITE_RAYS = 1 << 19
#: Rays that leave each point of an edge on its Keller cone to find mirrors.
CONE_RAYS = 64
#: Most mirrors behind an edge.
MIRRORS_BEHIND = 2
#: Smaller facets mirror no path worth finding [m²].
SMALLEST_MIRROR = 10.0


@dataclass(frozen=True)
class EdgeChains:
    """Edges to be reached over mirrors before and behind them."""

    before: Int[np.ndarray, "chain bounce"]
    """Triangles that mirror the site's ray on its way to the edge, in order; −1 past the last."""
    wedge: Int[np.ndarray, "chain"]
    after: Int[np.ndarray, "chain bounce_behind"]
    """Triangles that mirror the edge's ray on its way to the UE, in order; −1 past the last."""

    def __len__(self) -> int:
        return len(self.wedge)

    @property
    def mirrored(self) -> bool:
        """Whether any chain has a mirror."""
        return bool(np.any(self.before >= 0) or np.any(self.after >= 0))

    def select(self, index: Int[np.ndarray, "chosen"]) -> EdgeChains:
        """Some of the chains."""
        return EdgeChains(self.before[index], self.wedge[index], self.after[index])


@dataclass(frozen=True)
class Landings:
    """Where rays ended that had gone the way of a chain: near there is what it reaches."""

    chain: Int[np.ndarray, "ray"]
    """Index of the chain."""
    point: Float[np.ndarray, "ray 2"]
    """x and y [m]."""


class EdgeChainSearch:
    """Finds the chains of one scene."""

    def __init__(self, scene: EdgeScene):
        """Lists the edges of each facet."""
        self._scene = scene
        self._verifier = PathVerifier(scene.rays, scene.corner, scene.normal, scene.facet)
        facet = scene.facet[scene.faces].ravel()
        order = np.argsort(facet, kind="stable")
        self._wedge_of_facet = order // 2
        self._first = np.searchsorted(facet[order], np.arange(scene.facet.max() + 2))

    def direct(self, source: Float[np.ndarray, "3"]) -> EdgeChains:
        """Every edge that the site sees."""
        wedges = self._scene.wedges
        wedge = np.flatnonzero(_outside(source - wedges.origin, wedges.normals))
        none = np.zeros((len(wedge), 0), np.int64)
        return self._seen(source, EdgeChains(none, wedge, none))

    def mirrored_before(
        self, source: Float[np.ndarray, "3"], mirrors: int, generator: np.random.Generator
    ) -> EdgeChains:
        """Every edge that the site sees over mirrors: those of the facets that reflected rays hit.

        Args:
            source: position of the site [m].
            mirrors: most mirrors.
            generator: shifts the rays' directions.
        """
        direction = uniform_directions(low_discrepancy(slice(0, SITE_RAYS), generator.random(3)))
        start, passed = np.broadcast_to(source, direction.shape), np.zeros((SITE_RAYS, 0), np.int64)
        found = []
        for bounce in range(mirrors + 1):
            distance, triangle = self._scene.rays.first_hit(start, direction)
            if bounce:
                hit = np.flatnonzero(triangle >= 0)
                found.append(self._edges_behind(passed[hit], triangle[hit], mirrors))
            kept = np.flatnonzero((triangle >= 0) & self._is_mirror(triangle))
            triangle, start = triangle[kept], start[kept] + distance[kept, None] * direction[kept]
            start, direction = self._reflected(start, direction[kept], triangle)
            passed = np.column_stack([passed[kept], triangle])
        before, wedge = (np.concatenate(column) for column in zip(*found, strict=True))
        return self._seen(source, EdgeChains(before, wedge, np.zeros((len(wedge), 0), np.int64)))

    def _reflected(
        self,
        point: Float[np.ndarray, "ray 3"],
        direction: Float[np.ndarray, "ray 3"],
        mirror: Int[np.ndarray, "ray"],
    ) -> tuple[Float[np.ndarray, "ray 3"], Float[np.ndarray, "ray 3"]]:
        """Where rays go on after they met a mirror, and their new directions."""
        normal = self._scene.normal[mirror]
        along = np.einsum("ri,ri->r", direction, normal)[:, None]
        return point - SURFACE_OFFSET * np.sign(along) * normal, direction - 2 * along * normal

    def _edges_behind(
        self, passed: Int[np.ndarray, "ray bounce"], hit: Int[np.ndarray, "ray"], mirrors: int
    ) -> tuple[Int[np.ndarray, "chain mirrors"], Int[np.ndarray, "chain"]]:
        """The edges of the facets that rays hit, each once with each sequence of mirrors that they had passed."""
        facet = self._scene.facet
        first = _distinct_rows(np.column_stack([facet[passed], facet[hit]]))[0]
        passed, wedge = self._edges_of(passed[first], facet[hit[first]])
        first = _distinct_rows(np.column_stack([facet[passed], wedge]))[0]
        before = np.full((len(first), mirrors), -1)
        before[:, : passed.shape[1]] = passed[first]
        return before, wedge[first]

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
        left = np.minimum(mirrors - (seen.before >= 0).sum(axis=1), MIRRORS_BEHIND)
        chain, found = np.repeat(np.flatnonzero(left > 0), CONE_RAYS), []
        for share in EDGE_POINTS:
            start = self._point(seen.wedge, share)[chain]
            turn = (np.arange(len(chain)) % CONE_RAYS + generator.random(len(chain))) / CONE_RAYS
            direction = self._on_cone(start - image[chain], seen.wedge[chain], turn)
            free = np.flatnonzero(_outside(direction, self._scene.wedges.normals[seen.wedge[chain]]))
            found += self._mirrors_met(start[free], direction[free], chain[free], left)
        after, chain, point = (np.concatenate(column) for column in zip(*found, strict=True))
        facet = np.where(after >= 0, self._scene.facet[after], -1)
        first, of_ray = _distinct_rows(np.column_stack([facet, chain]))
        chosen = seen.select(chain[first])
        return EdgeChains(chosen.before, chosen.wedge, after[first]), Landings(of_ray, point)

    def _mirrors_met(
        self,
        start: Float[np.ndarray, "ray 3"],
        direction: Float[np.ndarray, "ray 3"],
        chain: Int[np.ndarray, "ray"],
        left: Int[np.ndarray, "chain"],
    ) -> list[
        tuple[Int[np.ndarray, "found mirrors"], Int[np.ndarray, "found"], Float[np.ndarray, "found 2"]]
    ]:
        """Mirrors that diffracted rays meet one after the other, as many as their chain has left.

        Each with the rays' chains and where they were at the last mirror and at what they hit next.
        """
        passed, found = np.zeros((len(start), 0), np.int64), []
        for bounce in range(MIRRORS_BEHIND + 1):
            distance, triangle = self._scene.rays.first_hit(start, direction)
            hit = np.flatnonzero(triangle >= 0)
            end = start[hit] + distance[hit, None] * direction[hit]
            if bounce:
                after = np.full((len(start), MIRRORS_BEHIND), -1)
                after[:, :bounce] = passed
                # A ray off the ground may leave for the sky, but passed UEs where it was reflected.
                found += [(after, chain, start[:, :2]), (after[hit], chain[hit], end[:, :2])]
            met = self._is_mirror(triangle[hit]) & (left[chain[hit]] > bounce)
            kept, end = hit[met], end[met]
            passed, chain = np.column_stack([passed[kept], triangle[kept]]), chain[kept]
            start, direction = self._reflected(end, direction[kept], passed[:, -1])
        return found

    def _is_mirror(self, triangle: Int[np.ndarray, "ray"]) -> Bool[np.ndarray, "ray"]:
        return self._scene.facet_area[triangle] >= SMALLEST_MIRROR

    def _edges_of(
        self, passed: Int[np.ndarray, "facet bounce"], facet: Int[np.ndarray, "facet"]
    ) -> tuple[Int[np.ndarray, "edge bounce"], Int[np.ndarray, "edge"]]:
        """Each sequence of mirrors with every edge of the facet seen over it."""
        count = self._first[facet + 1] - self._first[facet]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(passed, count, axis=0), self._wedge_of_facet[
            np.repeat(self._first[facet], count) + within
        ]

    def _seen(self, source: Float[np.ndarray, "3"], chains: EdgeChains) -> EdgeChains:
        """The chains over which some point of the edge is seen."""
        seen = np.zeros(len(chains), bool)
        for share in SEEN_POINTS:
            rest = np.flatnonzero(~seen)
            point = self._point(chains.wedge[rest], share)
            seen[rest] = self._verifier.valid(source, point, chains.before[rest])
        return chains.select(np.flatnonzero(seen))

    def _point(self, wedge: Int[np.ndarray, "n"], share: float) -> Float[np.ndarray, "n 3"]:
        """A point just outside of each edge [m]."""
        wedges = self._scene.wedges
        on_edge = wedges.origin[wedge] + (share * wedges.length[wedge])[:, None] * wedges.direction[wedge]
        return on_edge + EDGE_OFFSET * wedges.normals[wedge].sum(axis=1)

    def _on_cone(
        self,
        incident: Float[np.ndarray, "n 3"],
        wedge: Int[np.ndarray, "n"],
        turn: Float[np.ndarray, "n"],
    ) -> Float[np.ndarray, "n 3"]:
        """Diffracted directions: the angle with the edge is kept (Keller 1962), the one about it is free."""
        edge, across = self._scene.wedges.direction[wedge], self._scene.wedges.normals[wedge, 0]
        incident = incident / np.linalg.norm(incident, axis=1, keepdims=True)
        along = np.einsum("ni,ni->n", incident, edge)[:, None]
        angle = 2 * np.pi * turn[:, None]
        around = np.cos(angle) * across + np.sin(angle) * np.cross(edge, across)
        return along * edge + np.sqrt(np.maximum(1 - along**2, 0)) * around


def _outside(offset: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 2 3"]) -> Bool[np.ndarray, "n"]:
    return np.any(np.einsum("ni,nfi->nf", offset, normals) > 1e-6, axis=1)


def _distinct_rows(
    rows: Int[np.ndarray, "n column"],
) -> tuple[Int[np.ndarray, "distinct"], Int[np.ndarray, "n"]]:
    """Index of one of each of the distinct rows, whose entries are −1 or more, and which of them each row is."""
    first, number = np.zeros(min(len(rows), 1), np.int64), np.zeros(len(rows), np.int64)
    for column in rows.T:
        key = number * (column.max(initial=0) + 2) + column
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
    return first, number
