"""Line of sight and specular reflections from one site: launched, grouped, made exact, verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.geometry.images import ImagePaths, image_paths
from raylocus.propagation.rays.launcher import (
    BYTES_PER_RAY,
    SURFACE_OFFSET,
    Crossings,
    LaunchDirections,
    RayScene,
    directions_for,
)
from raylocus.propagation.rays.pieces import in_pieces, piece_length, piece_slices
from raylocus.propagation.search.grouping import distinct, with_neighbours
from raylocus.ragged import Columns

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


#: What a path takes while its probes are verified [byte].
BYTES_PER_PATH = 400


@dataclass(frozen=True)
class SpecularPaths(Columns):
    """Which paths of one site there are; `SpecularSearch.exact` draws them."""

    ground_cell: Int[np.ndarray, " path"]
    reached: Bool[np.ndarray, "path probe"]
    """Which of `PROBES` each path reaches."""
    triangles: Int[np.ndarray, "path depth"]
    """Index of the triangle of each reflection; −1 past the last."""

    def __len__(self) -> int:
        return len(self.ground_cell)


class SpecularSearch:
    """Finds the specular paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        verifier: PathVerifier,
        surface: Float[np.ndarray, "y x"],
        grid: Grid,
        memory_budget: float,
    ):
        """Prepares the points that paths end in.

        Args:
            scene: what is launched through.
            verifier: of paths of the same scene.
            surface: z of the UE surface at the cell centres [m].
            grid: ground cells.
            memory_budget: for the pieces that are worked on at once [GiB].
        """
        self._memory_budget = memory_budget
        self._scene, self._surface, self._grid = scene, surface, grid
        self._surfaces, self._verifier = scene.surfaces, verifier
        self._point = np.column_stack([grid.centres, surface.ravel()])
        slope_y, slope_x = np.gradient(surface, grid.resolution)
        self._slope = np.stack([slope_x.ravel(), slope_y.ravel()], axis=-1)

    def paths(
        self,
        source: Float[np.ndarray, "3"],
        depth: int,
        reach: float,
        rays_per_cell: float,
        generator: np.random.Generator,
    ) -> SpecularPaths:
        """Every path with up to `depth` reflections.

        Args:
            source: position of the site [m].
            depth: most reflections.
            reach: longest unfolded path in plan [m].
            rays_per_cell: rays for every ground cell within reach, on average.
            generator: shifts the launch directions.
        """
        directions = directions_for(
            float(source[2]), self._surface, reach, self._grid.resolution**2, rays_per_cell
        )
        found = self._found(source, depth, directions, generator.random(3))
        reached = self._probes_reached(source, found)
        kept = np.flatnonzero(reached.any(axis=1))
        return SpecularPaths(found.ground_cell, reached, found.triangles).select(kept)

    def exact(self, source: Float[np.ndarray, "3"], found: SpecularPaths) -> ImagePaths:
        """Length and directions of paths from a site [m] at their ground cells' centres."""
        surfaces = self._surfaces
        return image_paths(
            source, self._point[found.ground_cell], found.triangles, surfaces.corner, surfaces.normal
        )

    def _found(
        self,
        source: Float[np.ndarray, "3"],
        depth: int,
        directions: LaunchDirections,
        shift: Float[np.ndarray, "3"],
    ) -> Crossings:
        """Where paths may be: what all rays find, launched in wavefronts, and the cells next to it."""
        side, facet = self._grid.count, self._surfaces.facet

        def wavefront(rays: slice) -> Crossings:
            crossings = self._scene.launch(source, directions.vectors(shift, rays), depth)
            return distinct([crossings], facet, side)

        length = piece_length(self._memory_budget, BYTES_PER_RAY, "one ray")
        found = distinct(in_pieces(wavefront, directions.count, length), facet, side)
        return with_neighbours(found, facet, side)

    def _probes_reached(
        self, source: Float[np.ndarray, "3"], found: Crossings
    ) -> Bool[np.ndarray, "candidate probe"]:
        """Which of a ground cell's probes each candidate reaches."""
        reached = np.empty((len(found.ground_cell), len(PROBES)), bool)
        length = piece_length(self._memory_budget, BYTES_PER_PATH, "one path")
        for piece in piece_slices(len(reached), length):
            cell = found.ground_cell[piece]
            for number, step in enumerate(PROBES * self._grid.resolution):
                rise = self._slope[cell] @ step
                probe = self._point[cell] + np.column_stack([np.broadcast_to(step, (len(cell), 2)), rise])
                reached[piece, number] = self._verifier.valid(source, probe, found.triangles[piece])
        return reached
