"""Which edges a site reaches directly or over one mirror, and which mirrors an edge's rays meet."""

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
#: Points of an edge that are tried, as shares of its length.
EDGE_POINTS = (0.25, 0.5, 0.75)
#: Rays that leave the site to find mirrors: one every 4 m² of a wall 300 m away that faces the site.
SITE_RAYS = 1 << 18
#: Rays that leave each point of an edge on its Keller cone to find mirrors.
CONE_RAYS = 48
#: Smaller facets mirror no path worth finding [m²].
SMALLEST_MIRROR = 10.0


@dataclass(frozen=True)
class EdgeChains:
    """Edges to be reached over at most one mirror on either side."""

    before: Int[np.ndarray, "chain"]
    """Triangle that mirrors the site's ray on to the edge; −1 for none."""
    wedge: Int[np.ndarray, "chain"]
    after: Int[np.ndarray, "chain"]
    """Triangle that mirrors the edge's ray on to the UE; −1 for none."""

    def __len__(self) -> int:
        return len(self.wedge)

    @property
    def mirrored(self) -> bool:
        """Whether any chain has a mirror."""
        return bool(np.any(self.before >= 0) or np.any(self.after >= 0))

    def select(self, index: Int[np.ndarray, "chosen"]) -> EdgeChains:
        """Some of the chains."""
        return EdgeChains(self.before[index], self.wedge[index], self.after[index])


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
        none = np.full(len(wedge), -1)
        return self._seen(source, EdgeChains(none, wedge, none))

    def mirrored_before(self, source: Float[np.ndarray, "3"], generator: np.random.Generator) -> EdgeChains:
        """Every edge that the site sees in a mirror: those of the facets that mirrored rays hit."""
        direction = uniform_directions(low_discrepancy(slice(0, SITE_RAYS), generator.random(3)))
        distance, mirror = self._scene.rays.first_hit(np.broadcast_to(source, direction.shape), direction)
        met = (mirror >= 0) & self._is_mirror(mirror)
        direction, distance, mirror = direction[met], distance[met], mirror[met]
        normal = self._scene.normal[mirror]
        along = np.einsum("ri,ri->r", direction, normal)[:, None]
        start = source + distance[:, None] * direction - SURFACE_OFFSET * np.sign(along) * normal
        _, triangle = self._scene.rays.first_hit(start, direction - 2 * along * normal)
        mirror, facet = mirror[triangle >= 0], self._scene.facet[triangle[triangle >= 0]]
        first = _first_of_each(self._scene.facet[mirror] * len(self._first) + facet)
        mirror, wedge = self._edges_of(mirror[first], facet[first])
        first = _first_of_each(self._scene.facet[mirror] * len(self._scene.wedges) + wedge)
        none = np.full(len(first), -1)
        return self._seen(source, EdgeChains(mirror[first], wedge[first], none))

    def mirrored_after(
        self, source: Float[np.ndarray, "3"], seen: EdgeChains, generator: np.random.Generator
    ) -> EdgeChains:
        """Chains with the mirrors that their diffracted rays meet first."""
        sources = np.broadcast_to(source, (len(seen), 3))
        image = source_images(sources, seen.before[:, None], self._scene.corner, self._scene.normal)[:, -1]
        chain = np.repeat(np.arange(len(seen)), CONE_RAYS)
        found = []
        for share in EDGE_POINTS:
            start = self._point(seen.wedge, share)[chain]
            direction = self._on_cone(start - image[chain], seen.wedge[chain], generator.random(len(chain)))
            free = _outside(direction, self._scene.wedges.normals[seen.wedge[chain]])
            _, mirror = self._scene.rays.first_hit(start[free], direction[free])
            met = (mirror >= 0) & self._is_mirror(mirror)
            found.append(np.stack([mirror[met], chain[free][met]]))
        mirror, chain = np.concatenate(found, axis=1)
        first = _first_of_each(self._scene.facet[mirror] * max(len(seen), 1) + chain)
        chosen = seen.select(chain[first])
        return EdgeChains(chosen.before, chosen.wedge, mirror[first])

    def _is_mirror(self, triangle: Int[np.ndarray, "ray"]) -> Bool[np.ndarray, "ray"]:
        return self._scene.facet_area[triangle] >= SMALLEST_MIRROR

    def _edges_of(
        self, mirror: Int[np.ndarray, "pair"], facet: Int[np.ndarray, "pair"]
    ) -> tuple[Int[np.ndarray, "edge"], Int[np.ndarray, "edge"]]:
        """Each mirror with every edge of the facet seen in it."""
        count = self._first[facet + 1] - self._first[facet]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(mirror, count), self._wedge_of_facet[np.repeat(self._first[facet], count) + within]

    def _seen(self, source: Float[np.ndarray, "3"], chains: EdgeChains) -> EdgeChains:
        """The chains over which some point of the edge is seen."""
        seen = np.zeros(len(chains), bool)
        for share in EDGE_POINTS:
            rest = np.flatnonzero(~seen)
            point = self._point(chains.wedge[rest], share)
            seen[rest] = self._verifier.valid(source, point, chains.before[rest, None])
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


def _first_of_each(key: Int[np.ndarray, "n"]) -> Int[np.ndarray, "distinct"]:
    return np.unique(key, return_index=True)[1]
