"""How UEs move: speeds and stands, and ways that end in any ground cell, drawn from the law of mobility."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.evaluation.bound.tracks import GRAPHS, KNOTS, Tracks, tracks_by_road, tracks_on_foot
from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.network.movement.driving import RoadGraph
from raylocus.network.movement.mobility import MobilityConfiguration, SpeedClass, moving_time
from raylocus.ragged import Columns

#: Share of the ways on foot that know no buildings, where the map errs: for ground that is open in no draw.
CLEARED_SHARE = 0.04
#: Ranges that the speeds of a class that goes by road are divided into.
RANGES = 3


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

    @property
    def moves(self) -> Bool[np.ndarray, " motion"]:
        """Whether each makes a step at all."""
        return self.steps.max(axis=1) > 0


@dataclass(frozen=True)
class Movement:
    """The law of mobility at one place: ways on foot, then ways by road of each range of speeds."""

    grid: Grid
    tracks: tuple[Tracks, ...]
    bins: tuple[SpeedBin, ...]
    """Speeds of UEs, each with the index of its tracks."""

    @classmethod
    def of(
        cls,
        place: MappedPlace,
        mobility: MobilityConfiguration,
        generator: np.random.Generator,
        true_places: Sequence[MappedPlace] = (),
    ) -> Movement:
        """Draws ways by the code that the law of mobility is written in.

        On foot the law looks the same forwards and backwards in time (headings drift and turn alike; only
        the way around obstacles differs a little), so ways there are read as ways from there; vehicles'
        trips are turned around. Ways begin anywhere; that UEs start where people or traffic are is a
        weight on where a way begins. Where the map errs, UEs walk through what may stand there and, for what no
        draw took away, through buildings; roads are as mapped.

        Raises:
            InputError: the place has no outdoor ground.
        """
        on_road = any(each.on_road for each in mobility.speed_classes)
        drawn = [RoadGraph.of(place.geometry_maps, generator) for _ in range(GRAPHS if on_road else 0)]
        graphs = [each for each in drawn if each is not None]
        bins = speed_bins(mobility, bool(graphs))
        maps, shares = [place.geometry_maps], [1.0]
        if true_places:
            cleared = place.geometry_maps.assign(footprint=xr.zeros_like(place.geometry_maps["footprint"]))
            maps = [*(each.geometry_maps for each in true_places), cleared]
            shares = [(1 - CLEARED_SHARE) / len(true_places)] * len(true_places) + [CLEARED_SHARE]
        tracks = [tracks_on_foot(place.tile, maps, shares, mobility, generator)]
        tracks += [tracks_by_road(place.tile, graphs, each, generator) for each in bins if each.tracks]
        return cls(place.tile, tuple(tracks), bins)

    def ends(self, motions: Motions) -> Float[np.ndarray, " ground"]:
        """Mass of each ground cell where UEs that move so are at their last report, whatever was reported."""
        mass = np.zeros(self.grid.count**2)
        knots = np.searchsorted(KNOTS[:-1], motions.steps.max(axis=1))
        for tracks in np.unique(motions.tracks):
            own = motions.tracks == tracks
            share = np.bincount(knots[own], motions.share[own], len(KNOTS))
            mass += share @ self.tracks[tracks].ends
        return mass

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
            steps = speed[:, None] * times / self.grid.resolution
            # Whoever has moved at all is not where it was: levels there may be those of the next ground cell.
            steps = np.maximum(np.rint(steps), steps > 0).astype(np.int64)
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
