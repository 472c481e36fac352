"""What a search for diffracted paths needs of a scene: rays, planes, facets, edges and a verifier of paths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.geometry.surfaces import COPLANAR_COSINE, Wedges, wedge_faces
from raylocus.propagation.rays.launcher import SURFACE_OFFSET, RayScene
from raylocus.propagation.search.specular import PathVerifier

#: Paths meet an edge this far outside of it [m], so that no segment starts on its faces; farther out they pass what
#: the true path is stopped by.
EDGE_OFFSET = 2e-3
#: A mirror whose plane holds an edge this closely [m] leaves no leg between the two: it reflects no path over the edge.
SHORTEST_LEG = 2e-2
#: Smaller facets mirror no path over an edge worth finding [m²].
SMALLEST_MIRROR = 2.0
#: A horizontal facet of this area is level ground, with streets on it [m²].
LEVEL_GROUND = 1e4


class EdgeScene:
    """One scene; facets, planes and materials are indexed by triangle, edges by wedge."""

    def __init__(self, rays: RayScene, verifier: PathVerifier, wedges: Wedges):
        """Derives the extents of facets.

        Args:
            rays: the scene, to be shot at.
            verifier: of paths of the same scene.
            wedges: its edges.
        """
        surfaces = rays.surfaces
        vertices = surfaces.vertices
        self.rays, self.wedges, self.verifier = rays, wedges, verifier
        self.corner, self.normal = surfaces.corner, surfaces.normal
        self.facet, self.material = surfaces.facet, surfaces.material
        self.faces = wedge_faces(surfaces)
        #: Area of each triangle's whole facet [m²].
        self.facet_area = np.bincount(self.facet, surfaces.area)[self.facet]
        low, high = (np.full((len(self.facet), 3), fill) for fill in (np.inf, -np.inf))
        np.minimum.at(low, self.facet, vertices.min(axis=1))
        np.maximum.at(high, self.facet, vertices.max(axis=1))
        #: Corners of the box around each triangle's whole facet [m].
        self.facet_low, self.facet_high = low[self.facet], high[self.facet]

    def is_mirror(self, triangle: Int[np.ndarray, " ray"]) -> Bool[np.ndarray, " ray"]:
        """Whether the facets of the triangles are large enough to mirror a path over an edge."""
        return self.facet_area[triangle] >= SMALLEST_MIRROR

    def is_level_ground(self, triangle: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether triangles belong to level ground; not where they are −1."""
        level = np.abs(self.normal[triangle, 2]) > COPLANAR_COSINE
        return (triangle >= 0) & level & (self.facet_area[triangle] > LEVEL_GROUND)

    def holds_edge(
        self, mirror: Int[np.ndarray, " n"], wedge: Int[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Whether edges lie in the planes of mirrors, of which −1 is none: they would be met in one point."""
        corner, normal = self.corner[mirror], self.normal[mirror]
        start = self.wedges.origin[wedge]
        end = start + self.wedges.length[wedge, None] * self.wedges.direction[wedge]
        away = [np.abs(np.einsum("ni,ni->n", point - corner, normal)) for point in (start, end)]
        return (mirror >= 0) & (np.maximum(*away) < SHORTEST_LEG)

    def reflected(
        self,
        point: Float[np.ndarray, "ray 3"],
        direction: Float[np.ndarray, "ray 3"],
        mirror: Int[np.ndarray, " ray"],
    ) -> tuple[Float[np.ndarray, "ray 3"], Float[np.ndarray, "ray 3"]]:
        """Where rays go on after they met a mirror at a point [m], and their new directions."""
        normal = self.normal[mirror]
        along = np.einsum("ri,ri->r", direction, normal)[:, None]
        return point - SURFACE_OFFSET * np.sign(along) * normal, direction - 2 * along * normal

    def next_to_edges(
        self, wedge: Int[np.ndarray, " n"], share: float | Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "n 3"]:
        """A point just outside of each edge [m], at a share of its length."""
        wedges = self.wedges
        on_edge = wedges.origin[wedge] + (share * wedges.length[wedge])[:, None] * wedges.direction[wedge]
        return on_edge + EDGE_OFFSET * wedges.normals[wedge].sum(axis=1)


def outside_wedges(
    offset: Float[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 2 3"]
) -> Bool[np.ndarray, " n"]:
    """Whether offsets from an edge lead out of the wedge with these face normals."""
    return np.any(np.einsum("ni,nfi->nf", offset, normals) > 1e-6, axis=1)
