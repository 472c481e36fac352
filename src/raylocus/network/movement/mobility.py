"""How UEs move and when they report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.movement.driving import RoadGraph, drive
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.movement.walking import WalkableGround, Walkers, inside_buildings, presence, walk
from raylocus.ragged import Rows
from raylocus.scenes.sites import UE_HEIGHT

#: Stops beyond those expected that are drawn for a UE; after the last it keeps moving.
SPARE_STOPS = 12


def moving_time(
    time: Float[np.ndarray, "ue report"],
    moving: Float[np.ndarray, " ue"],
    standing: Float[np.ndarray, " ue"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue report"]:
    """How long [s] each UE has been moving by each time [s]: it moves and stands by turns, for exponential times.

    The process is stationary, so it looks the same backwards: a UE stands at time 0 with its share of
    standing.

    `moving` is the mean time between two stops, ∞ for who never stops, and `standing` that of a stop [s].
    """
    stops = np.isfinite(moving) & (standing > 0)
    out = np.array(time, np.float64)
    if not stops.any():
        return out
    wanted, move, stand = out[stops], moving[stops], standing[stops]
    expected = np.nanmax(wanted, initial=0.0) / (move + stand).min()
    cycles = int(np.ceil(2 * expected)) + SPARE_STOPS
    moves, stands = generator.exponential(size=(2, len(move), cycles))
    moves, stands = moves * move[:, None], stands * stand[:, None]
    moves[generator.random(len(move)) < stand / (move + stand), 0] = 0.0
    moves[:, -1] = np.inf
    begins = np.cumsum(np.concatenate([np.zeros((len(move), 1)), (moves + stands)[:, :-1]], axis=1), axis=1)
    done = np.zeros(wanted.shape)
    for begin, length in zip(begins.T, moves.T, strict=True):
        done += np.clip(wanted - begin[:, None], 0.0, length[:, None])
    out[stops] = done
    return out


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
    """Whether it goes by the road graph, in places whose roads are known."""
    stop_every: float = float("inf")
    """Mean distance between two stops [m]."""
    stop_time: float = 0.0
    """Mean time of a stop [s]."""


#: Static, pedestrian, cyclist, vehicle. Stops for crossings, lights and shops: engineering choices.
SPEED_CLASSES = (
    SpeedClass(0.2, 0.0, 0.0),
    SpeedClass(0.45, 0.5, 2.0, stop_every=150.0, stop_time=10.0),
    SpeedClass(0.1, 3.0, 7.0, on_road=True, stop_every=300.0, stop_time=10.0),
    SpeedClass(0.25, 5.0, 14.0, on_road=True, stop_every=250.0, stop_time=12.0),
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
    indoor_share: float = 0.0
    """Share of the UEs that stay inside buildings, at rest."""

    def __post_init__(self) -> None:
        if not 1 <= self.fewest_reports <= self.most_reports:
            raise InputError(
                "a sequence needs at least one report, and most_reports no fewer than fewest_reports"
            )
        if not 0 <= self.indoor_share <= 1:
            raise InputError("the share of UEs indoors lies between 0 and 1")
        if abs(sum(choice.share for choice in self.speed_classes) - 1) > 1e-9:
            raise InputError("the shares of the speed classes must sum to 1")


def sample_trajectories(
    geometry_maps: xr.Dataset,
    count: int,
    configuration: MobilityConfiguration,
    generator: np.random.Generator,
    weight: Float[np.ndarray, "y x"] | None = None,
    ue_height: float = UE_HEIGHT,
) -> Trajectories:
    """Draws trajectories of UEs.

    People on foot start where people are (`walking.presence`), head anywhere, keep their speed, and turn
    where a building, water or the tile's edge is in their way. Cyclists and vehicles go by the road graph
    (`driving.RoadGraph`) where roads are known, and as people on foot elsewhere. All stop now and then.
    UEs indoors stay where they are. z is the terrain's plus the UE's height.

    Args:
        geometry_maps: G, with `footprint` and `terrain` over (y, x); roads, greens and waters where known.
        count: number of UEs.
        configuration: the law.
        generator: source of all random numbers.
        weight: how much likelier a UE starts in each ground cell, e.g. by coverage; NaN counts as 0.
        ue_height: of the UEs' antennas over the terrain [m]: that which the place's R was traced for.

    Raises:
        InputError: the place has no outdoor ground, or none of weight; it has no building for UEs indoors.
    """
    lengths = generator.integers(configuration.fewest_reports, configuration.most_reports + 1, count)
    intervals = _report_intervals(lengths, configuration, generator)
    time = np.cumsum(intervals, axis=1)
    chosen, (speed, between, stop) = sample_speeds(configuration, count, generator)
    moving = moving_time(time, between, stop, generator)
    ground = WalkableGround.of(geometry_maps)
    xy = _positions(geometry_maps, chosen, speed, moving, configuration, weight, generator)
    reported = np.arange(xy.shape[1]) < lengths[:, None]
    z = ground.terrain[ground.grid.index(xy[reported])] + ue_height
    return Trajectories(
        report_offsets=Rows.of(lengths).offsets,
        time=time[reported],
        position=np.concatenate([xy[reported], z[:, None]], axis=1),
    )


def _positions(
    geometry_maps: xr.Dataset,
    chosen: Int[np.ndarray, " sample"],
    speed: Float[np.ndarray, " sample"],
    moving: Float[np.ndarray, "sample report"],
    configuration: MobilityConfiguration,
    weight: Float[np.ndarray, "y x"] | None,
    generator: np.random.Generator,
) -> Float[np.ndarray, "sample report 2"]:
    """Where everyone is at each report [m]: on foot, on the roads, or indoors."""
    on_road = np.array([each.on_road for each in configuration.speed_classes])[chosen]
    indoors = np.zeros(len(chosen), bool)
    if configuration.indoor_share:
        indoors = generator.random(len(chosen)) < configuration.indoor_share
    graph = RoadGraph.of(geometry_maps, generator) if on_road.any() else None
    on_road &= ~indoors & (graph is not None)
    density = presence(geometry_maps)
    walkers = Walkers.start(
        geometry_maps,
        speed,
        configuration.heading_wander,
        configuration.turn_distance,
        density if weight is None else density * np.nan_to_num(weight),
        generator,
    )
    on_foot = ~indoors & ~on_road
    steps = np.diff(np.where(on_foot[:, None], moving, np.nan), axis=1, prepend=0.0)
    out = walk(walkers, steps, generator)
    if graph is not None and on_road.any():
        out[on_road] = drive(graph, speed[on_road], moving[on_road], weight, generator)
    if indoors.any():
        out[indoors] = inside_buildings(geometry_maps, int(indoors.sum()), weight, generator)[:, None]
    return out


def _report_intervals(
    lengths: Int[np.ndarray, " sample"], configuration: MobilityConfiguration, generator: np.random.Generator
) -> Float[np.ndarray, "sample report"]:
    """Time before each report [s]; 0 before the first, NaN beyond a sequence's last."""
    shape = (len(lengths), int(lengths.max(initial=1)))
    nominal = generator.choice(configuration.report_intervals, len(lengths))[:, None]
    periods = generator.geometric(1 - configuration.miss_probability, shape)
    jitter = generator.uniform(-1, 1, shape) * configuration.interval_jitter
    intervals = nominal * (periods + jitter)
    intervals[:, 0] = 0
    return np.where(np.arange(shape[1]) < lengths[:, None], intervals, np.nan)


def sample_speeds(
    configuration: MobilityConfiguration, count: int, generator: np.random.Generator
) -> tuple[Int[np.ndarray, " sample"], Float[np.ndarray, "3 sample"]]:
    """Speed class of each UE; and its speed [m/s], the mean time between two of its stops and that of a stop [s]."""
    classes = configuration.speed_classes
    chosen = generator.choice(len(classes), count, p=[each.share for each in classes])
    slowest, fastest, every, stop = np.array(
        [(each.slowest, each.fastest, each.stop_every, each.stop_time) for each in classes]
    )[chosen].T
    speed = generator.uniform(slowest, fastest)
    between = np.divide(every, speed, out=np.full(count, np.inf), where=speed > 0)
    return chosen, np.stack([speed, between, stop])
