"""Line of sight and specular reflections from one site: launched, grouped, made exact, verified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.propagation.geometry.images import ImagePaths, image_paths
from raylocus.propagation.rays.directions import LaunchDirections, directions_for
from raylocus.propagation.rays.launcher import BYTES_PER_RAY, Crossings, RayScene
from raylocus.propagation.rays.pieces import in_pieces, piece_length, piece_slices
from raylocus.propagation.search.grouping import distinct, with_neighbours
from raylocus.propagation.search.verification import PROBES, PathVerifier

#: What a path takes while its probes are verified [byte].
BYTES_PER_PATH = 400


@dataclass(frozen=True)
class SpecularPaths:
    """Which paths of one site there are; `SpecularSearch.exact` draws them."""

    ground_cell: Int[np.ndarray, " path"]
    reached: Bool[np.ndarray, "path probe"]
    """Which of `PROBES` each path reaches."""
    triangles: Int[np.ndarray, "path depth"]
    """Index of the triangle of each reflection; −1 past the last."""

    def __len__(self) -> int:
        return len(self.ground_cell)

    def select(self, index: Int[np.ndarray, " chosen"] | slice) -> SpecularPaths:
        """Some of the paths."""
        return SpecularPaths(self.ground_cell[index], self.reached[index], self.triangles[index])


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
