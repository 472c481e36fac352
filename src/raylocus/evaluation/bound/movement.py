"""How UEs move: speeds and stands, and ways that end in any ground cell, drawn from the law of mobility."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.movement.driving import RoadGraph, drive
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, moving_time
from raylocus.network.movement.walking import WalkableGround, Walkers, presence, walk
from raylocus.ragged import Columns

#: Ranges that the speeds of a class that goes by road are divided into.
RANGES = 3
#: Steps of one ground cell of a stored way, and how many of them it may be read backwards from.
STEPS, ENDS = 300, 150
#: Ways on foot that start anywhere, and ways by road of each range of speeds.
WALKS, TRIPS = 2048, 256
#: A start is never taken to be more than this many times likelier than its share of the ways' cells, or less.
MOST_WEIGHT = 20.0


@dataclass(frozen=True)
class SpeedBin(SpeedClass):
    """UEs of a range of speeds of one class."""

    tracks: int = 0
    """Index of the ways that they go by; 0 is on foot."""


def speed_bins(mobility: MobilityConfiguration, roads: bool) -> tuple[SpeedBin, ...]:
    """The speed classes, those that go by road in ranges: what a road's limit costs depends on the speed."""
    found: list[SpeedBin] = []
    tracks = 0
    for each in (one for one in mobility.speed_classes if one.share > 0):
        ranges = RANGES if roads and each.on_road else 1
        edges = np.linspace(each.slowest, each.fastest, ranges + 1)
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            tracks += roads and each.on_road
            index = tracks if roads and each.on_road else 0
            own = dataclasses.replace(each, share=each.share / ranges, slowest=low, fastest=high)
            found.append(SpeedBin(**vars(own), tracks=index))
    return tuple(found)


@dataclass(frozen=True)
class Motions(Columns):
    """Draws of speed and stops, each with the steps that it makes between the reports and the last one."""

    tracks: Int[np.ndarray, " motion"]
    """Index of the ways that each goes by."""
    share: Float[np.ndarray, " motion"]
    """Probability that each stands for; sums to 1."""
    steps: Int[np.ndarray, "motion report"]
    """Steps of one ground cell's width from each report's place to the last one's."""

    def __len__(self) -> int:
        return len(self.share)


@dataclass(frozen=True)
class Tracks:
    """Ways of one kind, stored from their ends backwards in steps of one ground cell's width.

    Every visit of a ground cell is an end: the rest of the way is how a UE may have come there.
    """

    path: Int[np.ndarray, "track step"]
    """Ground cell after each step backwards, in flat [y, x] order."""
    visit: Int[np.ndarray, " visit"]
    """Visits sorted by ground cell, each track · `ENDS` + step."""
    first: Int[np.ndarray, " ground_plus_1"]
    """`visit[first[g]:first[g + 1]]` are the visits of ground cell g."""
    prior: Float[np.ndarray, " ground"]
    """Mass of each ground cell where ways end."""
    start_weight: Float[np.ndarray, " ground"]
    """How much likelier the law starts a UE in a ground cell than these ways pass there."""

    @classmethod
    def of(
        cls, path: Int[np.ndarray, "track step"], prior: Float[np.ndarray, " ground"] | None,
        starts: Float[np.ndarray, " ground"],
    ) -> Tracks:  # fmt: skip
        """Ways with the mass of ends (their own frequency where None) and the mass of the law's starts."""
        cells = path[:, :ENDS].ravel()
        counts = np.bincount(cells, minlength=len(starts))
        prior = counts / counts.sum() if prior is None else prior
        ratio = np.divide(starts, prior, out=np.ones_like(prior), where=prior > 0)
        return cls(
            path=path.astype(np.int32),
            visit=np.argsort(cells, kind="stable"),
            first=np.concatenate([[0], np.cumsum(counts)]),
            prior=prior * (counts > 0) / prior[counts > 0].sum(),
            start_weight=np.clip(ratio, 1 / MOST_WEIGHT, MOST_WEIGHT),
        )

    def cells(
        self,
        end: Int[np.ndarray, " way"],
        steps: Int[np.ndarray, "way report"],
        generator: np.random.Generator,
    ) -> Int[np.ndarray, "way report"]:
        """Ground cells `steps` back from each end, along one of the ways that end there.

        A UE that came from farther away than is stored is taken to have waited there.
        """
        count = self.first[end + 1] - self.first[end]
        visit = self.visit[self.first[end] + (generator.random(len(end)) * count).astype(np.int64)]
        track, step = np.divmod(visit, min(ENDS, self.path.shape[1]))
        back = np.minimum(step[:, None] + steps, self.path.shape[1] - 1)
        return self.path[track[:, None], back].astype(np.int64)


@dataclass(frozen=True)
class Movement:
    """The law of mobility at one place: ways on foot, then ways by road of each range of speeds."""

    grid: Grid
    tracks: tuple[Tracks, ...]
    bins: tuple[SpeedBin, ...]
    """Speeds of UEs, each with the index of its tracks."""

    @classmethod
    def of(
        cls, place: MappedPlace, mobility: MobilityConfiguration, generator: np.random.Generator
    ) -> Movement:
        """Draws ways by the code that the law of mobility is written in.

        On foot the law looks the same forwards and backwards in time (headings drift and turn alike; only
        the way around obstacles differs a little), so ways there are read as ways from there; vehicles'
        trips are turned around. Ways begin anywhere; that UEs start where people or traffic are is a
        weight on where a way begins.

        Raises:
            InputError: the place has no outdoor ground.
        """
        on_road = any(each.on_road for each in mobility.speed_classes)
        roads = on_road and RoadGraph.of(place.geometry_maps, generator) is not None
        bins = speed_bins(mobility, roads)
        tracks = [_on_foot(place, mobility, generator)]
        tracks += [_by_road(place, each, generator) for each in bins if each.tracks]
        return cls(place.tile, tuple(tracks), bins)

    def motions(
        self, ago: Float[np.ndarray, " report"], count: int, generator: np.random.Generator
    ) -> Motions:
        """About `count` motions by the law, for reports that came `ago` [s] before the last.

        One is of who stands still, the others are shared out by the bins' shares.
        """
        moving = sum(each.share for each in self.bins if each.fastest > 0)
        parts = []
        for each in self.bins:
            own = 1 if each.fastest == 0 else max(round(count * each.share / moving), 1)
            speed = (
                each.slowest + (each.fastest - each.slowest) * (np.arange(own) + generator.random(own)) / own
            )
            every = np.divide(each.stop_every, speed, out=np.full(own, np.inf), where=speed > 0)
            times = moving_time(np.tile(ago, (own, 1)), every, np.full(own, each.stop_time), generator)
            steps = np.rint(speed[:, None] * times / self.grid.resolution).astype(np.int64)
            parts.append((np.full(own, each.tracks), np.full(own, each.share / own), steps))
        return Motions(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    @property
    def start(self) -> Float[np.ndarray, " ground"]:
        """Mass of each ground cell where the law starts UEs."""
        whole = np.zeros(self.grid.count**2)
        for each in self.bins:
            tracks = self.tracks[each.tracks]
            whole += each.share * tracks.prior * tracks.start_weight
        return whole / whole.sum()


def _on_foot(place: MappedPlace, mobility: MobilityConfiguration, generator: np.random.Generator) -> Tracks:
    grid, ground = place.tile, WalkableGround.of(place.geometry_maps)
    path = _walked(grid, ground, mobility, ground.sample(WALKS, generator), generator)
    # Courtyards that nobody came by have ways of their own.
    passed = np.zeros(grid.count**2, bool)
    passed[path[:, :ENDS]] = True
    inside = ground.inside(np.flatnonzero(ground.outdoor), generator)
    missed = inside[~passed[grid.index(inside)]]
    if len(missed):
        path = np.concatenate([path, _walked(grid, ground, mobility, missed, generator)])
    people = np.where(ground.outdoor, presence(place.geometry_maps).ravel(), 0)
    return Tracks.of(
        path, _gathered(ground.outdoor.astype(float), ground.grid, grid), _gathered(people, ground.grid, grid)
    )


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


def _by_road(place: MappedPlace, speeds: SpeedBin, generator: np.random.Generator) -> Tracks:
    """Trips at the middle of a range of speeds; each range has destinations of its own."""
    graph, grid = RoadGraph.of(place.geometry_maps, generator), place.tile
    assert graph is not None
    speed = np.full(TRIPS, (speeds.slowest + speeds.fastest) / 2)
    moving = np.tile(np.arange(STEPS) * grid.resolution / speed[0], (TRIPS, 1))
    path = grid.index(drive(graph, speed, moving, None, generator))[:, ::-1]
    traffic = np.bincount(graph.cells, graph.traffic, graph.grid.count**2)
    return Tracks.of(path, None, _gathered(traffic, graph.grid, grid))


def _gathered(weight: Float[np.ndarray, " fine"], fine: Grid, grid: Grid) -> Float[np.ndarray, " ground"]:
    """Mass of each cell of R's grid, of weights over G's."""
    mass = np.bincount(grid.index(fine.centres), weight, grid.count**2)
    return mass / mass.sum()
