"""What a search for diffracted paths needs of a scene: rays, planes, facets and edges."""

from __future__ import annotations

import numpy as np

from raylocus.propagation.facets import facet_of_triangles, unit_normals
from raylocus.propagation.launcher import RayScene
from raylocus.propagation.wedges import Wedges, wedge_faces
from raylocus.scenes.triangles import Triangles


class EdgeScene:
    """One scene; facets and planes are indexed by triangle, edges by wedge."""

    def __init__(self, rays: RayScene, triangles: Triangles, wedges: Wedges):
        """Derives planes and facets.

        Args:
            rays: the triangles, to be shot at.
            triangles: the same geometry.
            wedges: its edges.
        """
        vertices = triangles.vertices
        self.rays, self.wedges = rays, wedges
        self.corner, self.normal = vertices[:, 0], unit_normals(vertices)
        self.facet = facet_of_triangles(vertices)
        self.faces = wedge_faces(triangles)
        sides = np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])
        #: Area of each triangle's whole facet [m²].
        self.facet_area = np.bincount(self.facet, np.linalg.norm(sides, axis=1) / 2)[self.facet]
        low, high = (np.full((len(self.facet), 3), fill) for fill in (np.inf, -np.inf))
        np.minimum.at(low, self.facet, vertices.min(axis=1))
        np.maximum.at(high, self.facet, vertices.max(axis=1))
        #: Corners of the box around each triangle's whole facet [m].
        self.facet_low, self.facet_high = low[self.facet], high[self.facet]
