"""Streets of old towns: avenues that meet in a star, and webs of lanes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString

from raylocus.scenes.towns.frames import rotate, rounded, square
from raylocus.scenes.towns.style import Street


@dataclass(frozen=True)
class StreetStar:
    """Boulevards and rings; between the boulevards, streets are added outwards to keep blocks small."""

    boulevards: int = 8
    """Number of boulevards that reach the square."""
    square_radius: float = 55.0
    """Radius of the round square in the middle [m]."""
    ring_spacing: float = 110.0
    """Distance between rings [m]."""
    frontage: float = 120.0
    """Longest block along a ring before another street is cut through [m]."""
    width: float = 9.0
    """Carriageway of a street [m]."""
    corridor: float = 18.0
    """Façade to façade of a street [m]."""
    boulevard_corridor: float = 32.0
    """Façade to façade of a boulevard [m]; its carriageway takes half."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """See `StreetPattern`."""
        reach = 1.1 * side
        centre = generator.uniform(-0.15, 0.15, 2) * side
        gaps = 1 + 0.2 * generator.uniform(-1, 1, self.boulevards)
        angles = orientation + 2 * np.pi * np.cumsum(gaps) / gaps.sum()
        radii = self.square_radius + self.ring_spacing * np.arange(int(reach / self.ring_spacing) + 1)
        radii[1:] += 0.1 * self.ring_spacing * generator.uniform(-1, 1, len(radii) - 1)
        # A ring street as wide as the square's radius covers the square.
        square = self._ring(centre, self.square_radius / 2)
        streets = [dataclasses.replace(square, road_class="pedestrian", corridor=self.square_radius + 8.0)]
        streets += [self._ring(centre, radius) for radius in radii[1:]]
        for angle, following in zip(angles, np.append(angles[1:], angles[0] + 2 * np.pi), strict=True):
            line = _spoke(centre, angle, self.square_radius, reach)
            streets.append(Street(line, "primary", self.boulevard_corridor / 2, self.boulevard_corridor))
            streets += self._cross_streets(centre, (angle, following), radii, generator)
        return streets

    def _ring(self, centre: Float[np.ndarray, "2"], radius: float) -> Street:
        angle = np.linspace(0, 2 * np.pi, max(24, int(radius / 4)) + 1)
        circle = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        return Street(LineString(rounded(centre + circle)), "residential", self.width, self.corridor)

    def _cross_streets(
        self,
        centre: Float[np.ndarray, "2"],
        sector: tuple[float, float],
        radii: Float[np.ndarray, " ring"],
        generator: np.random.Generator,
    ) -> list[Street]:
        streets = []
        for inner, outer in zip(radii[:-1], radii[1:], strict=True):
            pieces = int((sector[1] - sector[0]) * (inner + outer) / 2 // self.frontage)
            for cut in range(1, pieces):
                share = (cut + 0.15 * generator.uniform(-1, 1)) / pieces
                angle = sector[0] + share * (sector[1] - sector[0])
                line = _spoke(centre, angle, inner, outer)
                streets.append(Street(line, "residential", self.width, self.corridor))
        return streets


def _spoke(centre: Float[np.ndarray, "2"], angle: float, inner: float, outer: float) -> LineString:
    direction = np.array([np.cos(angle), np.sin(angle)])
    return LineString(rounded(centre + np.outer([inner, outer], direction)))


@dataclass(frozen=True)
class StreetWeb:
    """Streets along the borders of Voronoi cells about jittered lattice points."""

    block: tuple[float, float]
    """Typical block (along, across the main direction) [m]."""
    irregularity: float = 0.3
    """Standard deviation of the lattice points, relative to the block."""
    width: float = 5.0
    """Carriageway [m]."""
    corridor: float = 9.0
    """Façade to façade [m]."""
    main_width: float = 9.0
    """Carriageway of the main streets [m]."""
    main_corridor: float = 18.0
    """Façade to façade of the main streets [m]."""

    def draw(self, side: float, orientation: float, generator: np.random.Generator) -> list[Street]:
        """See `StreetPattern`."""
        edges = self._cell_borders(side, generator)
        main = _main_edges(edges, side)
        turned = rotate(edges, orientation)
        return [
            Street(LineString(edge), "primary", self.main_width, self.main_corridor)
            if is_main
            else Street(LineString(edge), "residential", self.width, self.corridor)
            for edge, is_main in zip(turned, main, strict=True)
        ]

    def _cell_borders(self, side: float, generator: np.random.Generator) -> Float[np.ndarray, "edge 2 2"]:
        columns, rows = (int(np.ceil(1.5 * side / step)) for step in self.block)
        row, column = np.mgrid[0:rows, 0:columns].reshape(2, -1)
        lattice = np.stack([column + 0.5 * (row % 2), row], axis=-1) - np.array([columns, rows]) / 2
        points = (lattice + self.irregularity * generator.standard_normal(lattice.shape)) * self.block
        borders = shapely.voronoi_polygons(shapely.multipoints(points), only_edges=True)
        inside = shapely.intersection(shapely.get_parts(borders), square(1.5 * side))
        lines = [part for part in shapely.get_parts(inside) if part.length > 0.5]
        ends = np.array([shapely.get_coordinates(line)[[0, -1]] for line in lines])
        return ends[np.lexsort(ends.reshape(len(ends), 4).T)]


def _main_edges(edges: Float[np.ndarray, "edge 2 2"], side: float) -> Bool[np.ndarray, " edge"]:
    """Edges on the shortest ways across the town, west to east and south to north."""
    nodes, flat = np.unique(np.round(edges.reshape(-1, 2), 3), axis=0, return_inverse=True)
    ends = flat.reshape(-1, 2)
    main = np.zeros(len(edges), bool)
    for start, goal in (((-1, 0), (1, 0)), ((0, -1), (0, 1))):
        way = _shortest_way(nodes, ends, 0.6 * side * np.array(start), 0.6 * side * np.array(goal))
        steps = np.sort(np.stack([way[:-1], way[1:]], axis=-1), axis=1)
        main |= (np.sort(ends, axis=1)[:, None, :] == steps[None, :, :]).all(axis=-1).any(axis=1)
    return main


def _shortest_way(
    nodes: Float[np.ndarray, "node 2"],
    ends: Int[np.ndarray, "edge 2"],
    start: Float[np.ndarray, "2"],
    goal: Float[np.ndarray, "2"],
) -> Int[np.ndarray, " way"]:
    lengths = np.linalg.norm(nodes[ends[:, 0]] - nodes[ends[:, 1]], axis=1)
    graph = csr_array((lengths, (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    first = int(np.linalg.norm(nodes - start, axis=1).argmin())
    last = int(np.linalg.norm(nodes - goal, axis=1).argmin())
    _, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    way = [last]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return np.array(way)
