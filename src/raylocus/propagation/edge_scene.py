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
