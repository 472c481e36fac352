"""Driving and cycling over the road graph: trips with the speed that each road allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt, uniform_filter1d
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from raylocus.geo import Grid
from raylocus.network.movement.walking import drawn_by_weight
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.vector_map import ROAD_CLASSES

#: Speed that each road class lets nobody exceed [m/s]; pedestrian ground carries no traffic.
SPEED_LIMITS = dict(zip(ROAD_CLASSES, (30.0, 14.0, 8.5, 4.5, 0.0), strict=True))
#: Traffic of each class relative to a residential street's: an engineering choice.
TRAFFIC = dict(zip(ROAD_CLASSES, (4.0, 3.0, 1.0, 0.3, 0.0), strict=True))
#: Destinations that trips are made to, half of them where roads leave the tile.
DESTINATIONS = 24
#: A cell at the kerb costs this much more than one in the middle of the widest road.
KERB_COST = 2.0
#: Parts of the graph smaller than this share of it carry no traffic: car parks, dead ends cut off by the tile.
SMALLEST_PART = 0.05
#: Steps to the eight neighbours of a cell that are not the opposite of another.
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class RoadGraph:
    """Ground cells that carry traffic, and the next cell on the way to each of some destinations."""

    grid: Grid
    cells: Int[np.ndarray, " node"]
    """Ground cell of each node, in flat [y, x] order."""
    limit: Float[np.ndarray, " node"]
    """Speed limit [m/s]."""
    traffic: Float[np.ndarray, " node"]
    """How likely a vehicle is there, relative to the others."""
    onward: Int[np.ndarray, "destination node"]
    """The next node on the way to a destination; −1 at the destination, and where none leads to it."""

    @classmethod
    def of(cls, geometry_maps: xr.Dataset, generator: np.random.Generator) -> RoadGraph | None:
        """The graph of a place's roads; None where its map knows none that carry traffic."""
        if "road_class" not in geometry_maps:
            return None
        road_class = geometry_maps["road_class"].values.ravel()
        open_ground = geometry_maps["footprint"].values.ravel() == 0
        carries = np.isin(road_class, [index for index, limit in enumerate(SPEED_LIMITS.values()) if limit])
        cells = np.flatnonzero(carries & open_ground)
        grid = grid_of(geometry_maps)
        if not len(cells):
            return None
        graph = _edges(grid, cells)
        _, part = connected_components(graph, directed=False)
        large = np.bincount(part)[part] >= max(SMALLEST_PART * len(cells), 2)
        if not large.any():
            return None
        cells, graph, part = cells[large], graph[large][:, large], part[large]
        chosen = _destinations(grid, cells, part, generator)
        _, before = dijkstra(graph, directed=False, indices=chosen, return_predecessors=True)
        kind = road_class[cells].astype(np.int64)
        limits, traffic = (np.array(list(table.values()))[kind] for table in (SPEED_LIMITS, TRAFFIC))
        return cls(grid, cells, limits, traffic, np.maximum(before, -1).astype(np.int32))

    def ways(
        self,
        start: Int[np.ndarray, " ue"],
        length: Float[np.ndarray, " ue"],
        generator: np.random.Generator,
    ) -> Int[np.ndarray, "ue step"]:
        """Nodes along trips from `start` that are at least this long [m], from one destination to another."""
        # A step is one cell long at least, less what smoothing cuts off the corners.
        steps = int(np.ceil(1.25 * length.max(initial=0.0) / self.grid.resolution)) + 2
        way = np.empty((len(start), steps + 1), np.int32)
        way[:, 0] = start
        target = self._targets(start, generator)
        for step in range(steps):
            here = way[:, step]
            arrived = self.onward[target, here] < 0
            if arrived.any():
                target[arrived] = self._targets(here[arrived], generator)
            ahead = self.onward[target, here]
            way[:, step + 1] = np.where(ahead < 0, here, ahead)
        return way

    def _targets(
        self, nodes: Int[np.ndarray, " ue"], generator: np.random.Generator
    ) -> Int[np.ndarray, " ue"]:
        """A destination for each, at random among those that its node leads to; any where none does."""
        score = generator.random((len(nodes), len(self.onward))) - (self.onward[:, nodes].T < 0)
        return score.argmax(axis=1)


def _edges(grid: Grid, cells: Int[np.ndarray, " node"]) -> csr_array:
    """Lengths between neighbouring nodes, more at the kerb than in the middle of a road."""
    node = np.full(grid.shape, -1)
    node.flat[cells] = np.arange(len(cells))
    depth = distance_transform_edt(np.pad(node >= 0, 1))[1:-1, 1:-1]
    cost = 1 + KERB_COST * (1 - depth / depth.max())
    ends = []
    weights = []
    for down, right in _STEPS:
        here, there = _shifted(node, down, right)
        both = (here >= 0) & (there >= 0)
        cost_here, cost_there = _shifted(cost, down, right)
        ends.append((here[both], there[both]))
        weights.append(np.hypot(down, right) * (cost_here + cost_there)[both] / 2)
    shape = (len(cells), len(cells))
    return csr_array((np.concatenate(weights), tuple(np.concatenate(ends, axis=1))), shape)


def _shifted(values: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of cells and of their neighbours at a step."""
    height, width = values.shape
    here, there = max(-right, 0), max(right, 0)
    return values[: height - down, here : width - there], values[down:, there : width - here]


def _destinations(
    grid: Grid,
    cells: Int[np.ndarray, " node"],
    part: Int[np.ndarray, " node"],
    generator: np.random.Generator,
) -> Int[np.ndarray, " destination"]:
    """Nodes that trips lead to: in every part of the graph two at least, half of them at the tile's edge."""
    reach = np.abs(grid.centres[cells]).max(axis=1)
    chosen: list[Int[np.ndarray, " node"]] = []
    for each in np.unique(part):
        own = np.flatnonzero(part == each)
        count = max(round(DESTINATIONS * len(own) / len(cells)), 2)
        edge = own[reach[own] >= min(grid.size / 2 - 2 * grid.resolution, reach[own].max())]
        chosen += [generator.choice(edge, (count + 1) // 2), generator.choice(own, count // 2 + 1)]
    return np.unique(np.concatenate(chosen))


#: Ground cells over which a way is smoothed, so that it is no staircase.
SMOOTHED_CELLS = 5
#: UEs whose ways are held in memory at once.
BATCH = 1024


def drive(
    graph: RoadGraph,
    speed: Float[np.ndarray, " ue"],
    moving: Float[np.ndarray, "ue report"],
    weight: Float[np.ndarray, "y x"] | None,
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report 2"]:
    """Positions [m] of UEs on the roads.

    A UE starts where traffic is, takes the shortest way to a place where roads end or lead out of the
    tile, and then to the next. It goes at its own speed, or at the road's limit where that is less.

    `speed` is each UE's own [m/s], `moving` how long it has been moving by each report [s], NaN where there is
    none.

    Raises:
        InputError: no road has weight.
    """
    share = graph.traffic if weight is None else graph.traffic * weight.ravel()[graph.cells]
    lacking = "no road has weight for UEs to start on; give other weights"
    start = drawn_by_weight(share, len(speed), generator, lacking)
    out = np.empty((*moving.shape, 2))
    order = np.argsort(speed * np.nan_to_num(moving).max(axis=1, initial=0.0), kind="stable")
    for first in range(0, len(order), BATCH):
        own = order[first : first + BATCH]
        out[own] = _driven(graph, start[own], speed[own], moving[own], generator)
    return out


def _driven(
    graph: RoadGraph,
    start: Int[np.ndarray, " ue"],
    speed: Float[np.ndarray, " ue"],
    moving: Float[np.ndarray, "ue report"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report 2"]:
    farthest = speed * np.nan_to_num(moving).max(axis=1, initial=0.0)
    way = graph.ways(start, farthest, generator)
    path = _smoothed(graph, way)
    length = np.linalg.norm(np.diff(path, axis=1), axis=2)
    limit = np.minimum(speed[:, None], graph.limit[way[:, 1:]])
    clock = np.concatenate([np.zeros((len(way), 1)), np.cumsum(length / limit, axis=1)], axis=1)
    out, when = np.empty((*moving.shape, 2)), np.nan_to_num(moving)
    for ue, passed in enumerate(clock):
        for axis in range(2):
            out[ue, :, axis] = np.interp(when[ue], passed, path[ue, :, axis])
    # Between two points of a corner it may be cut short: there the UE is at the last cell it came by.
    off = ~_on_road(graph)[graph.grid.index(out)]
    for left in np.flatnonzero(off.any(axis=1)):
        at = off[left]
        node = np.minimum(np.searchsorted(clock[left], when[left, at], side="right") - 1, way.shape[1] - 1)
        out[left, at] = graph.grid.centres[graph.cells[way[left, node]]]
    return out


def _smoothed(graph: RoadGraph, way: Int[np.ndarray, "ue step"]) -> Float[np.ndarray, "ue step 2"]:
    """The middle of each stretch of a way [m]; the cell itself where that would leave the road."""
    raw = graph.grid.centres[graph.cells[way]]
    smooth = uniform_filter1d(raw, SMOOTHED_CELLS, axis=1, mode="nearest")
    return np.where(_on_road(graph)[graph.grid.index(smooth)][..., None], smooth, raw)


def _on_road(graph: RoadGraph) -> Bool[np.ndarray, " ground"]:
    """Whether each ground cell is a node of the graph."""
    on_road = np.zeros(graph.grid.count**2, bool)
    on_road[graph.cells] = True
    return on_road
