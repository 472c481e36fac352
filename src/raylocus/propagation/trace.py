"""One ray launch a site: crossings of the UE surface grouped to paths, plus the path over the roofs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.atlas import OVER_ROOFTOP, SPECULAR, PathAtlas, concatenate, reorder
from raylocus.propagation.directions import LaunchDirections, directions_for
from raylocus.propagation.facets import facet_of_triangles, unit_normals
from raylocus.propagation.images import image_paths
from raylocus.propagation.launcher import Crossings, RayScene
from raylocus.propagation.materials import RadioMaterials
from raylocus.propagation.over_rooftop import knife_edge_loss, over_rooftop_paths
from raylocus.scenes.triangles import Triangles


@dataclass(frozen=True)
class TraceConfiguration:
    """How a place is traced."""

    depth: int = 4
    """Most reflections of a specular path."""
    rays_per_cell: float = 8.0
    """Rays through every fully visible ground cell."""
    reach: float = 1.2
    """Longest unfolded path in plan, in tile sides."""
    ue_height: float = 1.5
    """Height of the UE above the terrain [m]."""
    over_rooftop: bool = True
    """Whether cells out of sight get the path over the roofs (never part of PathSolver's physics)."""
    seed: int = 0
    """Seed of the launch directions' shift."""


class SiteTracer:
    """Traces the sites of one tile; the scene is built once."""

    def __init__(
        self,
        triangles: Triangles,
        surface: Float[np.ndarray, "y x"],
        terrain: Float[np.ndarray, "y x"],
        grid: Grid,
        materials: RadioMaterials,
        configuration: TraceConfiguration,
    ):
        """Builds the ray scene.

        Args:
            triangles: the scene.
            surface: height of the topmost surface [m].
            terrain: ground height [m].
            grid: grid of both and of the atlas.
            materials: nominal materials at the carrier.
            configuration: how to trace.
        """
        self._triangles, self._surface, self._grid = triangles, surface, grid
        self._materials, self._configuration = materials, configuration
        self._ue_surface = terrain + configuration.ue_height
        self._scene = RayScene(triangles.vertices, self._ue_surface, grid)
        self._normal = unit_normals(triangles.vertices)
        self._facet = facet_of_triangles(triangles.vertices)
        self._point = np.column_stack([grid.centres, self._ue_surface.ravel()])

    def trace(self, site: int, position: Float[np.ndarray, "3"]) -> PathAtlas:
        """All paths from one site.

        Args:
            site: index of the site, kept in the atlas.
            position: antenna centre [m].

        Raises:
            PlaceError: the site lies outside the tile or below the topmost surface.
        """
        self._check(site, position)
        directions = self._directions(position)
        generator = np.random.default_rng([self._configuration.seed, site])
        crossings = self._scene.launch(position, directions.vectors(generator), self._configuration.depth)
        specular = self._specular(site, position, crossings, directions)
        if not self._configuration.over_rooftop:
            return specular
        return _sorted(specular, self._rooftop(site, position, specular))

    def _check(self, site: int, position: Float[np.ndarray, "3"]) -> None:
        index = int(self._grid.index(position))
        if index < 0:
            raise PlaceError(f"site {site} lies outside the tile; move it or the tile")
        if position[2] < self._surface.flat[index]:
            raise PlaceError(f"site {site} is inside a building or below ground; raise its antenna")

    def _directions(self, position: Float[np.ndarray, "3"]) -> LaunchDirections:
        radius = self._configuration.reach * self._grid.size
        area, rays = self._grid.resolution**2, self._configuration.rays_per_cell
        return directions_for(float(position[2]), self._ue_surface, radius, area, rays)

    def _specular(
        self, site: int, position: Float[np.ndarray, "3"], crossings: Crossings, directions: LaunchDirections
    ) -> PathAtlas:
        first, count = group_crossings(crossings, self._facet)
        cell, sequence = crossings.ground_cell[first], crossings.triangles[first]
        paths = image_paths(position, self._point[cell], sequence, self._triangles.vertices[:, 0], self._normal)
        expected = self._expected_rays(paths.departure, paths.arrival, paths.length, cell, directions)
        material = np.where(sequence >= 0, self._triangles.material[sequence], -1)
        return PathAtlas(
            grid=self._grid,
            materials=self._materials,
            site=np.full(len(cell), site, np.int16),
            ground_cell=cell.astype(np.int32),
            kind=np.full(len(cell), SPECULAR, np.int8),
            length=paths.length,
            departure=paths.departure.astype(np.float32),
            arrival=paths.arrival.astype(np.float32),
            visible=np.minimum(count / np.maximum(expected, 1e-9), 1.0).astype(np.float32),
            excess_loss_db=np.zeros(len(cell), np.float32),
            normals=paths.normals.astype(np.float32),
            material=material.astype(np.int8),
        )

    def _expected_rays(
        self,
        departure: Float[np.ndarray, "path 3"],
        arrival: Float[np.ndarray, "path 3"],
        length: Float[np.ndarray, "path"],
        cell: Int[np.ndarray, "path"],
        directions: LaunchDirections,
    ) -> Float[np.ndarray, "path"]:
        """Rays that a fully visible cell would get: density × projected area / length²."""
        slope_y, slope_x = np.gradient(self._ue_surface, self._grid.resolution)
        upward = np.stack([-slope_x.ravel()[cell], -slope_y.ravel()[cell], np.ones(len(cell))], axis=-1)
        projected = np.abs(np.einsum("pi,pi->p", arrival, upward)) * self._grid.resolution**2
        return directions.density(departure) * projected / length**2

    def _rooftop(self, site: int, position: Float[np.ndarray, "3"], specular: PathAtlas) -> PathAtlas:
        direct = specular.line_of_sight
        seen = np.zeros(len(self._point))
        seen[specular.ground_cell[direct]] = specular.visible[direct]
        hidden = np.flatnonzero((seen < 1) & (self._surface - self._ue_surface < 0).ravel())
        point = self._point[hidden]
        over = over_rooftop_paths(position, point, self._surface, self._grid, self._materials.wavelength)
        rise, fall = over.edge - position, point - over.edge
        straight = ~over.blocked
        rise[straight] = fall[straight] = (point - position)[straight]
        up, down = np.linalg.norm(rise, axis=1), np.linalg.norm(fall, axis=1)
        depth = self._configuration.depth
        return PathAtlas(
            grid=self._grid,
            materials=self._materials,
            site=np.full(len(hidden), site, np.int16),
            ground_cell=hidden.astype(np.int32),
            kind=np.full(len(hidden), OVER_ROOFTOP, np.int8),
            length=np.where(straight, up, up + down),
            departure=(rise / up[:, None]).astype(np.float32),
            arrival=(fall / down[:, None]).astype(np.float32),
            visible=(1 - seen[hidden]).astype(np.float32),
            # Out of sight, an edge at least touches the line of sight, even where the raster misses it.
            excess_loss_db=np.maximum(over.loss_db, knife_edge_loss(np.zeros(1))).astype(np.float32),
            normals=np.zeros((len(hidden), depth, 3), np.float32),
            material=np.full((len(hidden), depth), -1, np.int8),
        )


def group_crossings(
    crossings: Crossings, facet: Int[np.ndarray, "triangle"]
) -> tuple[Int[np.ndarray, "path"], Int[np.ndarray, "path"]]:
    """One representative crossing of each path, and how many rays found it.

    A path is a ground cell and the sequence of facets touched, whichever of a facet's triangles.
    """
    key = crossings.ground_cell.astype(np.uint64) << np.uint64(40)
    key |= _sequence_hash(crossings.triangles, facet) >> np.uint64(24)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=key[order[:1]] ^ np.uint64(1)))
    return order[starts], np.diff(starts, append=len(order))


def _sequence_hash(
    triangles: Int[np.ndarray, "crossing depth"], facet: Int[np.ndarray, "triangle"]
) -> Int[np.ndarray, "crossing"]:
    # splitmix64's finaliser over the facets in order; 40 bits within a cell's few dozen paths cannot collide.
    value = np.full(len(triangles), 0x9E3779B97F4A7C15, np.uint64)
    for bounce in range(triangles.shape[1]):
        touched = np.where(triangles[:, bounce] >= 0, facet[triangles[:, bounce]] + 1, 0).astype(np.uint64)
        value = (value ^ touched) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(27)
        value *= np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value


def _sorted(first: PathAtlas, second: PathAtlas) -> PathAtlas:
    joined = concatenate([first, second])
    return reorder(joined, np.argsort(joined.ground_cell, kind="stable"))
