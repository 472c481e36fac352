"""Ways through a place: drawn by the law of mobility, stored from their ends backwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.geo import Grid
from raylocus.network.movement.driving import RoadGraph, drive
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass
from raylocus.network.movement.walking import WalkableGround, Walkers, presence, walk, within

#: Steps of one ground cell of the longest stored way, and of the shortest trip by road.
STEPS, SHORTEST = 300, 10
#: Ways on foot that start anywhere, and ways by road of each range of speeds.
WALKS, TRIPS = 2048, 768
#: Draws of the destinations that trips lead to: every world has its own, which nobody knows.
GRAPHS = 8
#: Ways that are looked at for each that is taken, by how likely the law starts a UE where they begin.
CANDIDATES = 4
#: A start is never taken to be more than this many times likelier than its share of the ways' cells, or less.
MOST_WEIGHT = 50.0
#: What a cell's level, or a beam's, changes over the distance from a UE's way to the nearest that is tried [dB].
WAY_ERROR_DB = 4.0
#: Steps that the mass of ends is known at; in between, and beyond, it is that of the next.
KNOTS = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, STEPS])


@dataclass(frozen=True)
class Tracks:
    """Ways of one kind, stored from their ends backwards in steps of one ground cell's width.

    Every visit of a ground cell is an end: the rest of the way is how a UE may have come there.
    """

    path: Int[np.ndarray, "track step"]
    """Ground cell after each step backwards, in flat [y, x] order; a shorter way stays where it began."""
    visit: Int[np.ndarray, " visit"]
    """Visits sorted by ground cell, then by the steps since the way's beginning, each track · steps + step."""
    key: Int[np.ndarray, " visit"]
    """Of each of those, ground cell · steps + steps since the beginning; ascending."""
    prior: Float[np.ndarray, " ground"]
    """Mass of each ground cell where ways end."""
    start_weight: Float[np.ndarray, " ground"]
    """How much likelier the law starts a UE in a ground cell than these ways pass there."""

    @classmethod
    def of(
        cls,
        path: Int[np.ndarray, "track step"],
        length: Int[np.ndarray, " track"],
        starts: Float[np.ndarray, " ground"],
        prior: Float[np.ndarray, " ground"] | None = None,
    ) -> Tracks:
        """Ways of so many steps, the mass of the law's starts and that of ends, where None their own frequency."""
        width = path.shape[1]
        since = length[:, None] - 1 - np.arange(width)
        own = np.flatnonzero(since.ravel() >= 0)
        key = path.ravel()[own].astype(np.int64) * width + since.ravel()[own]
        order = np.argsort(key, kind="stable")
        passed = np.bincount(key // width, minlength=len(starts)) / len(own)
        prior = passed if prior is None else np.where(passed > 0, prior, 0) / prior[passed > 0].sum()
        ratio = np.divide(starts, prior, out=np.ones_like(prior), where=prior > 0)
        weight = np.clip(ratio, 1 / MOST_WEIGHT, MOST_WEIGHT)
        return cls(path.astype(np.int32), own[order], key[order], prior, weight)

    def cells(
        self,
        end: Int[np.ndarray, " way"],
        steps: Int[np.ndarray, "way report"],
        generator: np.random.Generator,
    ) -> tuple[Int[np.ndarray, "way report"], Float[np.ndarray, " way"]]:
        """Ground cells `steps` back from each end, along a way that ends there, and the weight of its start.

        Of some ways that are long enough one is taken, by where the law starts UEs; their mean weight is
        the one's. Where all are too short, the UE is taken to have waited at the beginning.
        """
        width = self.path.shape[1]
        longest = np.minimum(steps.max(axis=1), width - 1)
        first, enough, last = (
            np.searchsorted(self.key, end * width + since) for since in (0, longest, width)
        )
        first = np.where(enough < last, enough, first)
        pick = first + generator.random((CANDIDATES, len(end))) * (last - first)
        track, step = np.divmod(self.visit[pick.astype(np.int64)], width)
        begin = self.path[track, np.minimum(step + longest, width - 1)]
        weight = np.cumsum(self.start_weight[begin], axis=0)
        taken = (weight < generator.random(len(end)) * weight[-1]).sum(axis=0), np.arange(len(end))
        back = np.minimum(step[taken][:, None] + steps, width - 1)
        return self.path[track[taken][:, None], back].astype(np.int64), weight[-1] / CANDIDATES

    @cached_property
    def ends(self) -> Float[np.ndarray, "knot ground"]:
        """Mass of each ground cell where UEs end that the law started each of `KNOTS` steps before."""
        width = self.path.shape[1]
        track, step = np.divmod(self.visit, width)
        found = []
        for steps in KNOTS:
            begin = self.path[track, np.minimum(step + steps, width - 1)]
            weight = self.start_weight[begin] * (self.key % width >= min(steps, width // 2))
            count = np.bincount(self.key // width, minlength=len(self.prior))
            mass = np.bincount(self.key // width, weight, len(self.prior)) / np.maximum(count, 1) * self.prior
            found.append(mass / mass.sum())
        return np.array(found)


def way_error(cells: Int[Tensor, "way report"]) -> Float[Tensor, "way report"]:
    """Variance of what a way leaves open at each report [dB²]: none for a UE that has been where it is sought."""
    return WAY_ERROR_DB**2 * (cells != cells[:, -1:]).float()


def tracks_on_foot(
    grid: Grid,
    maps: Sequence[xr.Dataset],
    shares: Sequence[float],
    mobility: MobilityConfiguration,
    generator: np.random.Generator,
) -> Tracks:
    """Walks over a grid that start anywhere in each of some G. Raises InputError where one has no outdoor ground."""
    drawn = [
        _walks(grid, each, mobility, round(WALKS * share), generator)
        for each, share in zip(maps, shares, strict=True)
    ]
    path, people, even = zip(*drawn, strict=True)
    whole = np.concatenate(path)
    return Tracks.of(
        whole, np.full(len(whole), STEPS), np.average(people, 0, shares), np.average(even, 0, shares)
    )


def _walks(
    grid: Grid, maps: xr.Dataset, mobility: MobilityConfiguration, count: int, generator: np.random.Generator
) -> tuple[Int[np.ndarray, "track step"], Float[np.ndarray, " ground"], Float[np.ndarray, " ground"]]:
    """Some walks in one G, the mass of where its people are, and that of its outdoor ground."""
    ground = WalkableGround.of(maps)
    path = _walked(grid, ground, mobility, ground.sample(count, generator), generator)
    # Courtyards that nobody came by have ways of their own.
    passed = np.zeros(grid.count**2, bool)
    passed[path] = True
    inside = within(ground.grid, np.flatnonzero(ground.outdoor), generator)
    missed = inside[~passed[grid.index(inside)]]
    if len(missed):
        path = np.concatenate([path, _walked(grid, ground, mobility, missed, generator)])
    people = np.where(ground.outdoor, presence(maps).ravel(), 0)
    even, people = (
        _gathered(each, ground.grid, grid) for each in (ground.outdoor.astype(float), people.astype(float))
    )
    return path, people, even


def _walked(
    grid: Grid,
    ground: WalkableGround,
    mobility: MobilityConfiguration,
    starts: Float[np.ndarray, "track 2"],
    generator: np.random.Generator,
) -> Int[np.ndarray, "track step"]:
    heading = generator.uniform(-np.pi, np.pi, len(starts))
    walkers = Walkers(
        ground, starts, heading, np.ones(len(starts)), mobility.heading_wander, mobility.turn_distance
    )
    intervals = np.full((len(starts), STEPS), grid.resolution)
    intervals[:, 0] = 0
    return grid.index(walk(walkers, intervals, generator))


def tracks_by_road(
    grid: Grid, graphs: Sequence[RoadGraph], speeds: SpeedClass, generator: np.random.Generator
) -> Tracks:
    """Trips of many lengths at the middle of a range of speeds, among each of some draws of destinations."""
    middle, each = (speeds.slowest + speeds.fastest) / 2, TRIPS // len(graphs)
    moving = np.tile(np.arange(STEPS) * grid.resolution / middle, (each, 1))
    forward = np.concatenate(
        [grid.index(drive(graph, np.full(each, middle), moving, None, generator)) for graph in graphs]
    )
    length = np.tile(np.geomspace(SHORTEST, STEPS, each).astype(np.int64), len(graphs))
    back = np.maximum(length[:, None] - 1 - np.arange(STEPS), 0)
    traffic = np.bincount(graphs[0].cells, graphs[0].traffic, graphs[0].grid.count ** 2)
    return Tracks.of(
        np.take_along_axis(forward, back, axis=1), length, _gathered(traffic, graphs[0].grid, grid)
    )


def _gathered(weight: Float[np.ndarray, " fine"], fine: Grid, grid: Grid) -> Float[np.ndarray, " ground"]:
    """Mass of each cell of R's grid, of weights over G's."""
    mass = np.bincount(grid.index(fine.centres), weight, grid.count**2)
    return mass / mass.sum()
