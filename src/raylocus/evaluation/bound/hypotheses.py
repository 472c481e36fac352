"""Where a UE may have been: trajectories that end at a given ground cell, from the law of mobility."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.datasets.nominal_maps import MappedPlace
from raylocus.network.mobility import MobilityConfiguration
from raylocus.network.walking import Ground, Walkers, walk

#: Length of the stored walks [m]; a UE that came from farther away is taken to have waited there.
WALK_LENGTH = 800.0
#: Walks stored for every outdoor ground cell, and how many are walked at once.
WALKS_A_CELL, BATCH = 2, 8192


@dataclass(frozen=True)
class Walks:
    """Walks away from every outdoor ground cell, one stride after the other."""

    path: Int[np.ndarray, "walk stride"]
    """Ground cell after each stride, in flat [y, x] order."""
    stride: float
    """Length of a stride [m]."""
    order: Int[np.ndarray, "walk"]
    """Walks sorted by the cell they start in."""
    first: Int[np.ndarray, "ground_plus_1"]
    """`order[first[g]:first[g + 1]]` are the walks from ground cell g."""

    def cells(
        self,
        start: Int[np.ndarray, "hypothesis"],
        speed: Float[np.ndarray, "hypothesis"],
        moving: Float[np.ndarray, "hypothesis report"],
        generator: np.random.Generator,
    ) -> Int[np.ndarray, "hypothesis report"]:
        """Ground cells of UEs that end in `start`, `moving` seconds on the move at `speed` [m/s] before the end."""
        count = self.first[start + 1] - self.first[start]
        walk_index = self.order[self.first[start] + (generator.random(len(start)) * count).astype(np.int64)]
        strides = np.rint(speed[:, None] * moving / self.stride).astype(np.int64)
        return self.path[walk_index[:, None], np.minimum(strides, self.path.shape[1] - 1)].astype(np.int64)


def sample_walks(
    place: MappedPlace, mobility: MobilityConfiguration, generator: np.random.Generator
) -> Walks:
    """Walks from every outdoor ground cell by the mobility law.

    The law looks the same forwards and backwards in time (headings drift and turn alike; only the
    way around obstacles differs a little), so a walk away from a place is read as the way there. Nobody
    is held to roads.
    """
    grid = place.tile
    stride = grid.resolution / 2
    starts = _starts(place, generator)
    path = np.concatenate([
        _walked(place, mobility, starts[batch : batch + BATCH], stride, generator)
        for batch in range(0, len(starts), BATCH)
    ])  # fmt: skip
    order = np.argsort(path[:, 0], kind="stable")
    first = np.searchsorted(path[order, 0], np.arange(grid.count**2 + 1))
    return Walks(path, stride, order, first)


def _starts(place: MappedPlace, generator: np.random.Generator) -> Float[np.ndarray, "walk 2"]:
    """Points in every outdoor cell of R's grid."""
    grid = place.tile
    ground = Ground.of(place.geometry_maps)
    centres = np.repeat(grid.centres, WALKS_A_CELL, axis=0)
    points = centres + grid.resolution * generator.uniform(-0.499, 0.499, centres.shape)
    return points[ground.outdoor[ground.grid.index(points)]]


def _walked(
    place: MappedPlace,
    mobility: MobilityConfiguration,
    starts: Float[np.ndarray, "walk 2"],
    stride: float,
    generator: np.random.Generator,
) -> Int[np.ndarray, "walk stride"]:
    speed = np.ones(len(starts))
    walkers = Walkers.start(
        place.geometry_maps, speed, mobility.heading_wander, mobility.turn_distance, generator
    )
    walkers.position[:] = starts
    intervals = np.full((len(starts), int(WALK_LENGTH / stride)), stride)
    intervals[:, 0] = 0
    return place.tile.index(walk(walkers, intervals, generator)).astype(np.int32)


def class_shares(mobility: MobilityConfiguration) -> Float[np.ndarray, "class"]:
    """Share of the UEs in each speed class."""
    return np.array([each.share for each in mobility.speed_classes])


def sample_speeds(
    mobility: MobilityConfiguration,
    shares: Float[np.ndarray, "class"],
    count: int,
    generator: np.random.Generator,
) -> tuple[Float[np.ndarray, "hypothesis"], Int[np.ndarray, "hypothesis"]]:
    """Speeds [m/s] and their classes, which occur in exactly these shares."""
    edges = np.cumsum(shares / shares.sum())
    choice = np.searchsorted(edges, (np.arange(count) + generator.random()) / count)
    choice = generator.permutation(np.minimum(choice, len(edges) - 1))
    slowest = np.array([each.slowest for each in mobility.speed_classes])[choice]
    fastest = np.array([each.fastest for each in mobility.speed_classes])[choice]
    return generator.uniform(slowest, fastest), choice
