"""How UEs move and when they report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.walking import Walkers, walk


@dataclass(frozen=True)
class SpeedClass:
    """One way of getting about."""

    share: float
    """Share of the UEs."""
    slowest: float
    """Lower end of the uniform distribution of speeds [m/s]."""
    fastest: float
    """Upper end [m/s]."""
    on_road: bool = False
    """Whether it keeps to the roads, in places whose roads are known."""


#: Static, pedestrian, cyclist, vehicle.
SPEED_CLASSES = (
    SpeedClass(0.2, 0.0, 0.0),
    SpeedClass(0.45, 0.5, 2.0),
    SpeedClass(0.1, 3.0, 7.0),
    SpeedClass(0.25, 5.0, 14.0, on_road=True),
)


@dataclass(frozen=True)
class MobilityConfiguration:
    """The law of trajectories."""

    fewest_reports: int = 5
    """Smallest number of reports of a sequence."""
    most_reports: int = 20
    """Largest number of reports of a sequence."""
    report_intervals: tuple[float, ...] = (0.12, 0.24, 0.48, 0.64, 1.024, 2.048, 5.12)
    """ReportInterval values of TS 38.331 that a UE may be given [s]."""
    interval_jitter: float = 0.1
    """Each interval is uniform within this share of its nominal value."""
    miss_probability: float = 0.15
    """Probability that a report is lost, so that the next one comes an interval later."""
    speed_classes: tuple[SpeedClass, ...] = SPEED_CLASSES
    """Ways of getting about; shares sum to 1."""
    heading_wander: float = 0.05
    """Random walk of the heading [rad/√m]."""
    turn_distance: float = 60.0
    """Mean distance between turns to the left or right by a quarter circle [m]."""
    antenna_height: float = 1.5
    """UE antenna above the terrain [m]."""
    stop_share: float = 0.0
    """Share of the intervals between reports in which a moving UE stands: lights, crossings, shop windows."""

    def __post_init__(self) -> None:
        if not 1 <= self.fewest_reports <= self.most_reports:
            raise InputError(
                "a sequence needs at least one report, and most_reports no fewer than fewest_reports"
            )
        if not 0 <= self.stop_share < 1:
            raise InputError("the share of stops is at least 0 and below 1")
        if abs(sum(choice.share for choice in self.speed_classes) - 1) > 1e-9:
            raise InputError("the shares of the speed classes must sum to 1")


@dataclass(frozen=True)
class Trajectories:
    """Where UEs are at the times of their reports, ragged like `Reports`."""

    report_offsets: Int[np.ndarray, "sample_plus_1"]
    """Reports `report_offsets[i]:report_offsets[i + 1]` are of UE i."""
    time: Float[np.ndarray, "report"]
    """Seconds since the UE's first report."""
    position: Float[np.ndarray, "report 3"]
    """UE antenna position [m] in the place's frame."""

    def __len__(self) -> int:
        return len(self.report_offsets) - 1


def sample_trajectories(
    geometry_maps: xr.Dataset,
    count: int,
    configuration: MobilityConfiguration,
    generator: np.random.Generator,
    weight: Float[np.ndarray, "y x"] | None = None,
) -> Trajectories:
    """Draws trajectories of outdoor UEs.

    A UE starts over the outdoor ground cells, uniformly unless weighted, heads anywhere, keeps its
    speed, and turns where a building or the tile's edge is in its way. Where roads are known, speed
    classes that keep to them start there and turn where they end. Its z is the terrain's plus the
    antenna height.

    Args:
        geometry_maps: G, with `footprint` and `terrain` over (y, x).
        count: number of UEs.
        configuration: the law.
        generator: source of all chance.
        weight: how likely a UE starts in each ground cell, e.g. by coverage; NaN and buildings count as 0.

    Raises:
        InputError: the place has no outdoor ground, or none of weight.
    """
    lengths = generator.integers(configuration.fewest_reports, configuration.most_reports + 1, count)
    intervals = _report_intervals(lengths, configuration, generator)
    speed, on_road = _speeds(count, configuration, generator)
    walkers = Walkers.start(
        geometry_maps, speed, configuration.heading_wander, configuration.turn_distance, generator
    )
    if weight is not None:
        walkers.start_by(weight, generator)
    walkers.keep_to_roads(on_road, generator)
    path = walk(walkers, _moving(intervals, configuration.stop_share, generator), generator)
    reported = np.arange(path.shape[1]) < lengths[:, None]
    xy = path[reported]
    z = walkers.ground.terrain_at(xy) + configuration.antenna_height
    return Trajectories(
        report_offsets=np.concatenate([[0], np.cumsum(lengths)]),
        time=np.cumsum(np.nan_to_num(intervals), axis=1)[reported],
        position=np.concatenate([xy, z[:, None]], axis=1),
    )


def _report_intervals(
    lengths: Int[np.ndarray, "sample"], configuration: MobilityConfiguration, generator: np.random.Generator
) -> Float[np.ndarray, "sample report"]:
    """Time before each report [s]; 0 before the first, NaN beyond a sequence's last."""
    shape = (len(lengths), int(lengths.max(initial=1)))
    nominal = generator.choice(configuration.report_intervals, len(lengths))[:, None]
    periods = generator.geometric(1 - configuration.miss_probability, shape)
    jitter = generator.uniform(-1, 1, shape) * configuration.interval_jitter
    intervals = nominal * (periods + jitter)
    intervals[:, 0] = 0
    return np.where(np.arange(shape[1]) < lengths[:, None], intervals, np.nan)


def _moving(
    intervals: Float[np.ndarray, "sample report"], stop_share: float, generator: np.random.Generator
) -> Float[np.ndarray, "sample report"]:
    """Time spent moving before each report [s]: none of the interval where a UE stops."""
    if stop_share == 0:
        return intervals
    return np.where(generator.random(intervals.shape) < stop_share, 0.0, intervals)


def _speeds(
    count: int, configuration: MobilityConfiguration, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "sample"], Bool[np.ndarray, "sample"]]:
    """Speed of each UE [m/s], and whether it keeps to the roads."""
    classes = configuration.speed_classes
    choice = generator.choice(len(classes), count, p=[each.share for each in classes])
    slowest = np.array([each.slowest for each in classes])[choice]
    fastest = np.array([each.fastest for each in classes])[choice]
    on_road = np.array([each.on_road for each in classes])[choice]
    return generator.uniform(slowest, fastest), on_road
