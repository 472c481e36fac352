"""Driving and cycling over the road graph: trips with the speed that each road allows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import uniform_filter1d

from raylocus.errors import InputError
from raylocus.network.movement.road_graph import RoadGraph

#: Ground cells over which a way is smoothed, so that it is no staircase.
SMOOTHED_CELLS = 5
#: UEs whose ways are held in memory at once.
BATCH = 1024


def drive(
    graph: RoadGraph,
    speed: Float[np.ndarray, "ue"],
    moving: Float[np.ndarray, "ue report"],
    weight: Float[np.ndarray, "y x"] | None,
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report 2"]:
    """Positions [m] of UEs on the roads.

    A UE starts where traffic is, takes the shortest way to a place where roads end or lead out of the
    tile, and then to the next. It goes at its own speed, or at the road's limit where that is less.

    Args:
        graph: the roads.
        speed: each UE's own [m/s].
        moving: how long it has been moving by each report [s]; NaN where there is no report.
        weight: how likely a UE starts in each ground cell; as the traffic is where left out.
        generator: source of all random numbers.

    Raises:
        InputError: no road has weight.
    """
    share = graph.traffic if weight is None else graph.traffic * weight.ravel()[graph.cells]
    share = np.maximum(np.nan_to_num(share), 0.0)
    if share.sum() <= 0:
        raise InputError("no road has weight for UEs to start on; give other weights")
    start = generator.choice(len(share), len(speed), p=share / share.sum())
    out = np.empty((*moving.shape, 2))
    order = np.argsort(speed * np.nan_to_num(moving).max(axis=1, initial=0.0), kind="stable")
    for first in range(0, len(order), BATCH):
        own = order[first : first + BATCH]
        out[own] = _driven(graph, start[own], speed[own], moving[own], generator)
    return out


def _driven(
    graph: RoadGraph,
    start: Int[np.ndarray, "ue"],
    speed: Float[np.ndarray, "ue"],
    moving: Float[np.ndarray, "ue report"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report 2"]:
    farthest = speed * np.nan_to_num(moving).max(axis=1, initial=0.0)
    way = graph.ways(start, farthest, generator)
    path = _smoothed(graph, way)
    length = np.linalg.norm(np.diff(path, axis=1), axis=2)
    limit = np.minimum(speed[:, None], graph.limit[way[:, 1:]])
    clock = np.concatenate([np.zeros((len(way), 1)), np.cumsum(length / limit, axis=1)], axis=1)
    out, on_road = np.empty((*moving.shape, 2)), _on_road(graph)
    for ue, (passed, when) in enumerate(zip(clock, np.nan_to_num(moving), strict=True)):
        for axis in range(2):
            out[ue, :, axis] = np.interp(when, passed, path[ue, :, axis])
        # Between two points of a corner it may be cut short: there the UE is at the last cell it came by.
        off = ~on_road[graph.grid.index(out[ue])]
        node = np.minimum(np.searchsorted(passed, when[off], side="right") - 1, way.shape[1] - 1)
        out[ue, off] = graph.grid.centres[graph.cells[way[ue, node]]]
    return out


def _smoothed(graph: RoadGraph, way: Int[np.ndarray, "ue step"]) -> Float[np.ndarray, "ue step 2"]:
    """The middle of each stretch of a way [m]; the cell itself where that would leave the road."""
    raw = graph.grid.centres[graph.cells[way]]
    smooth = uniform_filter1d(raw, SMOOTHED_CELLS, axis=1, mode="nearest")
    return np.where(_on_road(graph)[graph.grid.index(smooth)][..., None], smooth, raw)


def _on_road(graph: RoadGraph) -> Bool[np.ndarray, "ground"]:
    """Whether each ground cell is a node of the graph."""
    on_road = np.zeros(graph.grid.count**2, bool)
    on_road[graph.cells] = True
    return on_road
