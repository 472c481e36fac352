"""Discover by rays, verify by images: which share of a ground cell a path really reaches.

A ray proves that a sequence of surfaces leads somewhere into a cell. The exact path to a point is
then drawn by the image method and every segment of it is shot at the scene: it must hit the surface
it is to be reflected from, and the last one nothing before the site. This leaves no launch noise in
the share and refuses sequences whose order is only possible elsewhere in the cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.rays.launcher import SURFACE_OFFSET, RayScene

#: Points of a cell that are tried, in cell sides from its centre; the centre comes first.
PROBES = np.array([[0.0, 0.0], [-0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, 0.25]])
#: A segment ends on its surface if it hits it within this distance [m]; float32 at 1 km is good to 0.1 mm.
HIT_TOLERANCE = 2e-2


class PathVerifier:
    """Checks specular paths of one scene."""

    def __init__(self, scene: RayScene):
        """Keeps the scene and its planes; a segment may hit any triangle of its facet."""
        import mitsuba as mi

        self._scene, surfaces = scene, scene.surfaces
        self._corner, self._normal = (
            mi.Float(array.astype(np.float32).ravel()) for array in (surfaces.corner, surfaces.normal)
        )
        self._facet = mi.UInt(surfaces.facet.astype(np.uint32))

    def valid(
        self,
        source: Float[np.ndarray, "3"],
        point: Float[np.ndarray, "path 3"],
        triangles: Int[np.ndarray, "path depth"],
    ) -> Bool[np.ndarray, " path"]:
        """Whether the path over each sequence of triangles (−1 past the last) exists at its point."""
        import drjit as dr
        import mitsuba as mi

        if not len(point):
            return np.zeros(0, bool)
        sequence = [mi.Int(np.ascontiguousarray(column)) for column in triangles.T.astype(np.int32)]
        start = mi.Point3f(*(dr.opaque(mi.Float, float(value)) for value in source))
        end = mi.Point3f(np.ascontiguousarray(point.T.astype(np.float32)))
        return self.connected(start, end, sequence, HIT_TOLERANCE, mi.Bool(True)).numpy()

    def connected(self, source: Any, point: Any, sequence: list[Any], tolerance: float, active: Any) -> Any:
        """Whether paths of a kernel being traced exist: images of the source forwards, then segments backwards.

        Args:
            source: where each path starts.
            point: where it ends.
            sequence: the triangles in between, −1 past the last.
            tolerance: what may lie this close to the source [m].
            active: paths that are asked for.
        """
        images = [source]
        for triangle in sequence:
            images.append(self.mirrored(images[-1], triangle))
        vertex, valid = point, active
        for bounce in reversed(range(len(sequence))):
            vertex, valid = self._reflected(vertex, images[bounce + 1], sequence[bounce], valid)
        return valid & self._scene.clear(vertex, source, tolerance, valid)

    def mirrored(self, point: Any, triangle: Any) -> Any:
        """Points of a kernel being traced, mirrored in the plane of a triangle; where that is −1, as they are."""
        import drjit as dr

        corner, normal = self.plane(triangle)
        return point - 2 * dr.dot(point - corner, normal) * normal

    def plane(self, triangle: Any) -> tuple[Any, Any]:
        """A point and the normal of the plane; past the last a zero normal, which mirrors nothing."""
        import drjit as dr
        import mitsuba as mi

        touched = triangle >= 0
        index = mi.UInt(dr.maximum(triangle, 0))
        return dr.gather(mi.Point3f, self._corner, index, touched), dr.gather(
            mi.Vector3f, self._normal, index, touched
        )

    def _reflected(self, vertex: Any, image: Any, triangle: Any, valid: Any) -> tuple[Any, Any]:
        """The reflection point on the way to the image, and whether the segment ends there, on the facet."""
        import drjit as dr
        import mitsuba as mi

        touched = triangle >= 0
        corner, normal = self.plane(triangle)
        span = image - vertex
        share = dr.dot(corner - vertex, normal) / dr.dot(span, normal)
        reached = vertex + share * span
        length = dr.norm(reached - vertex)
        direction = span / dr.norm(span)
        possible = valid & touched & (share > 0) & (share < 1)
        distance, hit = self._scene.hit(vertex + SURFACE_OFFSET * direction, direction, possible)
        same = dr.gather(mi.UInt, self._facet, hit, possible) == dr.gather(
            mi.UInt, self._facet, mi.UInt(dr.maximum(triangle, 0)), possible
        )
        possible &= same & (dr.abs(distance + SURFACE_OFFSET - length) < HIT_TOLERANCE)
        return dr.select(touched, reached, vertex), valid & (~touched | possible)
