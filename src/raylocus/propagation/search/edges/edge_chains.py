"""Chains of mirrors and one edge, and the exact path over each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.geometry.images import fermat_points, source_images
from raylocus.propagation.rays.launcher import horizontal_directions, low_discrepancy
from raylocus.propagation.search.edges.edge_scene import EdgeScene, outside_wedges
from raylocus.ragged import Columns

#: A shadow ray may end this far short of an edge [m]: the faces meet there.
EDGE_TOLERANCE = 5e-2
#: Points of an edge that are looked at, as shares of its length: often only its upper end is in sight.
SEEN_POINTS = (0.5, 0.02, 0.98, *(step / 16 for step in (4, 12, 2, 14, 6, 10, 1, 3, 5, 7, 9, 11, 13, 15)))
#: Rays that leave the site to find mirrors: within 2° of the horizon one every 0.4 m² of a wall 300 m away.
SITE_RAYS = 1 << 19


@dataclass(frozen=True)
class EdgeChains(Columns):
    """Edges to be reached over mirrors before and behind them."""

    before: Int[np.ndarray, "chain bounce"]
    """Triangles that mirror the site's ray on its way to the edge, in order; −1 past the last."""
    wedge: Int[np.ndarray, " chain"]
    after: Int[np.ndarray, "chain bounce_behind"]
    """Triangles that mirror the edge's ray on its way to the UE, in order; −1 past the last."""

    def __len__(self) -> int:
        return len(self.wedge)

    @property
    def mirrored(self) -> bool:
        """Whether any chain has a mirror."""
        return bool(np.any(self.before >= 0) or np.any(self.after >= 0))


class EdgeChainSearch:
    """Finds the chains of one scene that have no mirror behind their edge."""

    def __init__(self, scene: EdgeScene):
        """Lists the edges of each facet."""
        self._scene = scene
        facet = scene.facet[scene.faces].ravel()
        order = np.argsort(facet, kind="stable")
        self._wedge_of_facet = order // 2
        self._first = np.searchsorted(facet[order], np.arange(scene.facet.max() + 2))

    def direct(self, source: Float[np.ndarray, "3"]) -> EdgeChains:
        """Every edge that the site sees."""
        wedges = self._scene.wedges
        wedge = np.flatnonzero(outside_wedges(source - wedges.origin, wedges.normals))
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
        direction = horizontal_directions(low_discrepancy(slice(0, SITE_RAYS), generator.random(3)))
        start, passed = np.broadcast_to(source, direction.shape), np.zeros((SITE_RAYS, 0), np.int64)
        found = []
        for bounce in range(mirrors + 1):
            distance, triangle = self._scene.rays.first_hit(start, direction)
            if bounce:
                hit = np.flatnonzero(triangle >= 0)
                found.append(self._edges_behind(passed[hit], triangle[hit], mirrors))
            kept = np.flatnonzero((triangle >= 0) & self._scene.is_mirror(triangle))
            triangle, start = triangle[kept], start[kept] + distance[kept, None] * direction[kept]
            start, direction = self._scene.reflected(start, direction[kept], triangle)
            passed = np.column_stack([passed[kept], triangle])
        before, wedge = (np.concatenate(column) for column in zip(*found, strict=True))
        last = before[np.arange(len(before)), (before >= 0).sum(axis=1) - 1]
        apart = np.flatnonzero(~self._scene.holds_edge(last, wedge))
        before, wedge = before[apart], wedge[apart]
        return self._seen(source, EdgeChains(before, wedge, np.zeros((len(wedge), 0), np.int64)))

    def _edges_behind(
        self, passed: Int[np.ndarray, "ray bounce"], hit: Int[np.ndarray, " ray"], mirrors: int
    ) -> tuple[Int[np.ndarray, "chain mirrors"], Int[np.ndarray, " chain"]]:
        """The edges of the facets that rays hit, each once with each sequence of mirrors that they had passed."""
        facet = self._scene.facet
        first = distinct_rows(np.column_stack([facet[passed], facet[hit]]))[0]
        passed, wedge = self._edges_of(passed[first], facet[hit[first]])
        first = distinct_rows(np.column_stack([facet[passed], wedge]))[0]
        before = np.full((len(first), mirrors), -1)
        before[:, : passed.shape[1]] = passed[first]
        return before, wedge[first]

    def _edges_of(
        self, passed: Int[np.ndarray, "facet bounce"], facet: Int[np.ndarray, " facet"]
    ) -> tuple[Int[np.ndarray, "edge bounce"], Int[np.ndarray, " edge"]]:
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
            point = self._scene.next_to_edges(chains.wedge[rest], share)
            seen[rest] = self._scene.verifier.valid(source, point, chains.before[rest])
        return chains.select(np.flatnonzero(seen))


def distinct_rows(
    rows: Int[np.ndarray, "n column"],
) -> tuple[Int[np.ndarray, " distinct"], Int[np.ndarray, " n"]]:
    """Index of one of each of the distinct rows, whose entries are −1 or more, and which of them each row is."""
    key, span = np.zeros(len(rows), np.int64), 1
    for column in rows.T:
        values = int(column.max(initial=-1)) + 2
        if span * values > np.iinfo(np.int64).max:
            key, span = _numbered(key)[1], len(rows)
        key, span = key * values + column + 1, span * values
    return _numbered(key)


def _numbered(
    key: Int[np.ndarray, " n"],
) -> tuple[Int[np.ndarray, " distinct"], Int[np.ndarray, " n"]]:
    """Index of the first of each of the distinct keys, and which of them each key is."""
    order = np.argsort(key, kind="stable")
    new = np.diff(key[order], prepend=-1) != 0
    number = np.empty(len(key), np.int64)
    number[order] = np.cumsum(new) - 1
    return order[new], number


@dataclass(frozen=True)
class DiffractedPaths:
    """Paths from one site over one edge each, exact at the ground cells' centres."""

    ground_cell: Int[np.ndarray, " path"]
    chains: EdgeChains
    """Mirrors and edge of each path."""
    length: Float[np.ndarray, " path"]
    """m."""
    first_leg: Float[np.ndarray, " path"]
    """From the site to the edge, over the mirrors before it [m]."""
    departure: Float[np.ndarray, "path 3"]
    arrival: Float[np.ndarray, "path 3"]


def diffracted_paths(
    scene: EdgeScene,
    source: Float[np.ndarray, "3"],
    chains: EdgeChains,
    ground_cell: Int[np.ndarray, " path"],
    point: Float[np.ndarray, "path 3"],
) -> DiffractedPaths:
    """Paths over the given chains, in double precision; that they exist must be known.

    Args:
        scene: planes and edges.
        source: position of the site [m].
        chains: mirrors and edge of each path.
        ground_cell: where each ends.
        point: the UE's position there [m].
    """
    image = source_images(source, chains.before, scene.corner, scene.normal)
    # The UE is mirrored in the last mirror first; where a row is not full its −1 mirror nothing.
    mirrored = source_images(point, chains.after[:, ::-1], scene.corner, scene.normal)[:, -1]
    wedges, image = scene.wedges, image[:, -1]
    met = fermat_points(image, mirrored, wedges.origin[chains.wedge], wedges.direction[chains.wedge])
    first_leg, second_leg = np.linalg.norm(met - image, axis=1), np.linalg.norm(mirrored - met, axis=1)
    departure = (met - image) / first_leg[:, None]
    for mirror in reversed(chains.before.T):
        departure = _turned(departure, mirror, scene)
    arrival = (mirrored - met) / second_leg[:, None]
    for mirror in chains.after.T:
        arrival = _turned(arrival, mirror, scene)
    return DiffractedPaths(ground_cell, chains, first_leg + second_leg, first_leg, departure, arrival)


def _turned(
    direction: Float[np.ndarray, "path 3"], mirror: Int[np.ndarray, " path"], scene: EdgeScene
) -> Float[np.ndarray, "path 3"]:
    """Directions between edge and image, as they are at the path's end."""
    normal = np.where((mirror >= 0)[:, None], scene.normal[mirror], 0.0)
    return direction - 2 * np.einsum("pi,pi->p", direction, normal)[:, None] * normal
