"""How fast UEs go and when they stand: the part of the law of mobility that knows no place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.movement.mobility import MobilityConfiguration, moving_time

#: Ranges that the speeds of a class that goes by road are divided into.
RANGES = 3


@dataclass(frozen=True)
class SpeedBin:
    """UEs of a range of speeds."""

    share: float
    """Share of all UEs."""
    slowest: float
    """Lower end of the uniform distribution of speeds [m/s]."""
    fastest: float
    """Upper end [m/s]."""
    stop_every: float
    """Mean distance between two stops [m]."""
    stop_time: float
    """Mean time of a stop [s]."""
    tracks: int
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
            found.append(SpeedBin(each.share / ranges, low, high, each.stop_every, each.stop_time, index))
    return tuple(found)


@dataclass(frozen=True)
class Motions:
    """Draws of speed and stops, each with the steps that it makes between the reports and the last one."""

    tracks: Int[np.ndarray, " motion"]
    """Index of the ways that each goes by."""
    share: Float[np.ndarray, " motion"]
    """Probability that each stands for; sums to 1."""
    steps: Int[np.ndarray, "motion report"]
    """Steps of one ground cell's width from each report's place to the last one's."""

    def __len__(self) -> int:
        return len(self.share)

    @classmethod
    def of(
        cls,
        bins: tuple[SpeedBin, ...],
        ago: Float[np.ndarray, " report"],
        count: int,
        step: float,
        generator: np.random.Generator,
    ) -> Motions:
        """About `count` draws: one of who stands still, the others shared out by the bins' shares."""
        moving = sum(each.share for each in bins if each.fastest > 0)
        parts = []
        for each in bins:
            own = 1 if each.fastest == 0 else max(round(count * each.share / moving), 1)
            speed = (
                each.slowest + (each.fastest - each.slowest) * (np.arange(own) + generator.random(own)) / own
            )
            every = np.divide(each.stop_every, speed, out=np.full(own, np.inf), where=speed > 0)
            times = moving_time(np.tile(ago, (own, 1)), every, np.full(own, each.stop_time), generator)
            steps = np.rint(speed[:, None] * times / step).astype(np.int64)
            parts.append((np.full(own, each.tracks), np.full(own, each.share / own), steps))
        tracks, share, steps = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(tracks, share, steps)

    def select(self, index: Int[np.ndarray, " chosen"]) -> Motions:
        """Some of the motions, as often as they are named."""
        return Motions(self.tracks[index], self.share[index], self.steps[index])
