"""Discover by rays, verify by images: which share of a ground cell a path really reaches.

A ray proves that a sequence of surfaces leads somewhere into a cell. The exact path to a point is
then drawn by the image method and every segment of it is shot at the scene: it must hit the surface
it is to be reflected from, and the last one nothing before the point. This leaves no launch noise in
the share and refuses sequences whose order is only possible elsewhere in the cell.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.images import source_images
from raylocus.propagation.launcher import SURFACE_OFFSET, RayScene

#: Points of a cell that are tried, in cell sides from its centre; the centre comes first.
PROBES = np.array([[0.0, 0.0], [-0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, 0.25]])
#: A segment ends on its surface if it hits it within this distance [m]; float32 at 1 km is good to 0.1 mm.
HIT_TOLERANCE = 2e-2


class PathVerifier:
    """Checks specular paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        corner: Float[np.ndarray, "triangle 3"],
        normal: Float[np.ndarray, "triangle 3"],
        facet: Int[np.ndarray, "triangle"],
    ):
        """Keeps the scene and its planes.

        Args:
            scene: what is shot at.
            corner: a point of each triangle's plane [m].
            normal: unit normal of each triangle.
            facet: facet of each triangle; a segment may hit any triangle of its facet.
        """
        self._scene, self._corner, self._normal, self._facet = scene, corner, normal, facet

    def valid(
        self,
        source: Float[np.ndarray, "3"],
        point: Float[np.ndarray, "path 3"],
        triangles: Int[np.ndarray, "path depth"],
    ) -> Bool[np.ndarray, "path"]:
        """Whether the path over each sequence of triangles (−1 past the last) exists at its point."""
        vertices = self._vertices(source, point, triangles)
        valid = np.isfinite(vertices).all(axis=(1, 2))
        for leg in range(triangles.shape[1] + 1):
            # Columns past the last reflection repeat the point, so that every path ends in the last leg.
            alive = np.flatnonzero(valid & (np.abs(vertices[:, leg + 1] - vertices[:, leg]).max(axis=1) > 0))
            target = triangles[alive, leg] if leg < triangles.shape[1] else np.full(len(alive), -1)
            valid[alive] = self._leg(vertices[alive, leg], vertices[alive, leg + 1], target)
        return valid

    def _leg(
        self,
        start: Float[np.ndarray, "path 3"],
        end: Float[np.ndarray, "path 3"],
        target: Int[np.ndarray, "path"],
    ) -> Bool[np.ndarray, "path"]:
        span = end - start
        length = np.linalg.norm(span, axis=1)
        direction = span / length[:, None]
        distance, triangle = self._scene.first_hit(start + SURFACE_OFFSET * direction, direction)
        reached = distance + SURFACE_OFFSET
        on_surface = (np.abs(reached - length) < HIT_TOLERANCE) & (
            self._facet[triangle] == self._facet[target]
        )
        return np.where(target >= 0, on_surface, reached > length - HIT_TOLERANCE)

    def _vertices(
        self,
        source: Float[np.ndarray, "3"],
        point: Float[np.ndarray, "path 3"],
        triangles: Int[np.ndarray, "path depth"],
    ) -> Float[np.ndarray, "path vertices 3"]:
        """Source, reflection points and end of each path; not finite where a plane is not crossed."""
        depth = triangles.shape[1]
        images = source_images(source, triangles, self._corner, self._normal)
        touched = triangles >= 0
        vertices = np.empty((len(point), depth + 2, 3))
        vertices[:, 0], vertices[:, -1] = source, point
        for bounce in reversed(range(depth)):
            crossing = self._crossing(vertices[:, bounce + 2], images[:, bounce + 1], triangles[:, bounce])
            vertices[:, bounce + 1] = np.where(touched[:, bounce, None], crossing, vertices[:, bounce + 2])
        return vertices

    def _crossing(
        self,
        end: Float[np.ndarray, "path 3"],
        image: Float[np.ndarray, "path 3"],
        triangle: Int[np.ndarray, "path"],
    ) -> Float[np.ndarray, "path 3"]:
        normal = self._normal[triangle]
        span = image - end
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.einsum("pi,pi->p", self._corner[triangle] - end, normal) / np.einsum(
                "pi,pi->p", span, normal
            )
        return np.where(((share > 0) & (share < 1))[:, None], end + share[:, None] * span, np.nan)
