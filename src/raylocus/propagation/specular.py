"""Line of sight and specular reflections from one site: launched, grouped, made exact, verified."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.propagation.directions import LaunchDirections, directions_for
from raylocus.propagation.facets import facet_of_triangles, unit_normals
from raylocus.propagation.grouping import FoundSequences, group_crossings, merged
from raylocus.propagation.images import ImagePaths, image_paths
from raylocus.propagation.launcher import BYTES_PER_RAY, RayScene
from raylocus.propagation.pieces import in_pieces, piece_length
from raylocus.propagation.verification import PROBES, PathVerifier
from raylocus.scenes.triangles import Triangles

#: What a path takes while its probes are verified [byte].
BYTES_PER_PATH = 2000


class SpecularPaths:
    """Paths of one site, before they become columns of the atlas."""

    def __init__(
        self,
        ground_cell: Int[np.ndarray, "path"],
        paths: ImagePaths,
        visible: Float[np.ndarray, "path"],
        material: Int[np.ndarray, "path depth"],
    ):
        """Keeps the columns; `material` is −1 past the last reflection."""
        self.ground_cell, self.paths, self.visible, self.material = ground_cell, paths, visible, material


class SpecularSearch:
    """Finds the specular paths of one scene."""

    def __init__(
        self,
        scene: RayScene,
        triangles: Triangles,
        surface: Float[np.ndarray, "y x"],
        grid: Grid,
        memory_budget: float,
    ):
        """Prepares planes and facets.

        Args:
            scene: what is launched through.
            triangles: the same geometry, with materials.
            surface: z of the UE surface at the cell centres [m].
            grid: ground cells.
            memory_budget: for the pieces that are worked on at once [GiB].
        """
        self._memory_budget = memory_budget
        self._scene, self._triangles, self._surface, self._grid = scene, triangles, surface, grid
        self._normal = unit_normals(triangles.vertices)
        self._facet = facet_of_triangles(triangles.vertices)
        self._corner = triangles.vertices[:, 0]
        self._verifier = PathVerifier(scene, self._corner, self._normal, self._facet)
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
            rays_per_cell: rays through every fully visible ground cell.
            generator: shifts the launch directions.
        """
        directions = directions_for(
            float(source[2]), self._surface, reach, self._grid.resolution**2, rays_per_cell
        )
        found = self._found(source, depth, directions, generator)
        cell, sequence = found.crossings.ground_cell, found.crossings.triangles
        paths = image_paths(source, self._point[cell], sequence, self._corner, self._normal)
        rays = found.rays / np.maximum(self._expected_rays(paths, cell, directions), 1e-9)
        visible = np.concatenate(
            in_pieces(
                lambda piece: self._visible(source, cell[piece], sequence[piece], rays[piece]),
                len(cell),
                piece_length(self._memory_budget, BYTES_PER_PATH, "one path"),
            )
            or [np.zeros(0)]
        )
        return SpecularPaths(
            cell, paths, visible, np.where(sequence >= 0, self._triangles.material[sequence], -1)
        )

    def _found(
        self,
        source: Float[np.ndarray, "3"],
        depth: int,
        directions: LaunchDirections,
        generator: np.random.Generator,
    ) -> FoundSequences:
        """What all rays find, launched in wavefronts."""
        shifts = directions.shifts(generator)

        def wavefront(rays: slice) -> FoundSequences:
            crossings = self._scene.launch(source, directions.vectors(shifts, rays), depth)
            return group_crossings(crossings, self._facet)

        length = piece_length(self._memory_budget, BYTES_PER_RAY, "one ray")
        return merged(in_pieces(wavefront, directions.count, length), self._facet)

    def _visible(
        self,
        source: Float[np.ndarray, "3"],
        cell: Int[np.ndarray, "path"],
        sequence: Int[np.ndarray, "path depth"],
        rays: Float[np.ndarray, "path"],
    ) -> Float[np.ndarray, "path"]:
        """Share of the probes that the path reaches; its share of the rays, below one probe, if it misses all."""
        reached = np.zeros(len(cell))
        for step in PROBES * self._grid.resolution:
            rise = self._slope[cell] @ step
            probe = self._point[cell] + np.column_stack([np.broadcast_to(step, (len(cell), 2)), rise])
            reached += self._verifier.valid(source, probe, sequence)
        return np.where(reached > 0, reached / len(PROBES), np.minimum(rays, 1 / len(PROBES)))

    def _expected_rays(
        self, paths: ImagePaths, cell: Int[np.ndarray, "path"], directions: LaunchDirections
    ) -> Float[np.ndarray, "path"]:
        """Rays that a fully visible cell would get: density × projected area / length²."""
        upward = np.column_stack([-self._slope[cell], np.ones(len(cell))])
        projected = np.abs(np.einsum("pi,pi->p", paths.arrival, upward)) * self._grid.resolution**2
        return directions.density(paths.departure) * projected / paths.length**2
