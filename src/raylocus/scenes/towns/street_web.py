"""Streets as an organic web: the borders of irregular cells, with a main street along shortest ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from shapely.geometry import LineString

from raylocus.scenes.towns.frames import rotate, square
from raylocus.scenes.towns.style import Street


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


def _main_edges(edges: Float[np.ndarray, "edge 2 2"], side: float) -> Bool[np.ndarray, "edge"]:
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
) -> Int[np.ndarray, "way"]:
    lengths = np.linalg.norm(nodes[ends[:, 0]] - nodes[ends[:, 1]], axis=1)
    graph = csr_array((lengths, (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    first = int(np.linalg.norm(nodes - start, axis=1).argmin())
    last = int(np.linalg.norm(nodes - goal, axis=1).argmin())
    _, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    way = [last]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return np.array(way)
