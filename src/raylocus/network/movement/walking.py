"""Where people are, by the map and by coverage, and how they walk over a tile without entering buildings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.geo import Grid
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.vector_map import ROAD_CLASSES

#: People per area relative to open ground: engineering choices, no count.
PEDESTRIAN_AREA, PAVEMENT, CARRIAGEWAY, GREEN = 4.0, 4.0, 0.3, 0.3
#: Ground this near to a road [m] is its pavement.
PAVEMENT_WIDTH = 5.0
#: Turns tried in this order where the way ahead is blocked [rad]; the last is a half turn.
DETOURS = np.deg2rad([0.0, 45.0, -45.0, 90.0, -90.0, 135.0, -135.0, 180.0])


def presence(geometry_maps: xr.Dataset) -> Float[np.ndarray, "y x"]:
    """Relative density of people on foot: most on pavements and squares, few under trees, none on water or indoors.

    Where a map does not know its roads, greens or waters, all open ground is alike.
    """
    weight = np.where(geometry_maps["footprint"].values == 0, 1.0, 0.0)
    if "road" not in geometry_maps:
        return weight
    road, road_class = geometry_maps["road"].values == 1, known_layer(geometry_maps, "road_class")
    distance = known_layer(geometry_maps, "road_distance")
    weight[known_layer(geometry_maps, "vegetation") == 1] *= GREEN
    weight[~road & (distance <= PAVEMENT_WIDTH)] *= PAVEMENT
    weight[road] *= CARRIAGEWAY
    weight[road & (road_class == ROAD_CLASSES.index("pedestrian"))] *= PEDESTRIAN_AREA / CARRIAGEWAY
    weight[known_layer(geometry_maps, "water") == 1] = 0.0
    return weight


def known_layer(geometry_maps: xr.Dataset, name: str) -> Float[np.ndarray, "y x"]:
    """A layer that maps may lack: NaN everywhere then."""
    if name not in geometry_maps:
        return np.full(geometry_maps["footprint"].shape, np.nan)
    return geometry_maps[name].values


def inside_buildings(
    geometry_maps: xr.Dataset,
    count: int,
    weight: Float[np.ndarray, "y x"] | None,
    generator: np.random.Generator,
) -> Float[np.ndarray, "ue 2"]:
    """Points uniform inside the buildings [m], or by weight.

    Raises:
        InputError: there is no building, or none of weight.
    """
    built = (geometry_maps["footprint"].values > 0).astype(np.float64)
    share = (built if weight is None else built * weight).ravel()
    lacking = "no building has weight for UEs to be in; lower the share of UEs indoors"
    cell = drawn_by_weight(share, count, generator, lacking)
    return within(grid_of(geometry_maps), cell, generator)


def within(
    grid: Grid, cell: Int[np.ndarray, " drawn"], generator: np.random.Generator
) -> Float[np.ndarray, "drawn 2"]:
    """A point uniform inside each of these ground cells [m]."""
    # A little inside the cell, so that rounding never puts a point into its neighbour.
    return grid.centres[cell] + grid.resolution * generator.uniform(-0.499, 0.499, (len(cell), 2))


def drawn_by_weight(
    share: Float[np.ndarray, " _"], count: int, generator: np.random.Generator, lacking: str
) -> Int[np.ndarray, " drawn"]:
    """Indices drawn in proportion to shares, NaN and less than 0 being 0; InputError, `lacking`, where all are."""
    share = np.maximum(np.nan_to_num(share), 0.0)
    if share.sum() <= 0:
        raise InputError(lacking)
    return generator.choice(len(share), count, p=share / share.sum())


@dataclass(frozen=True)
class WalkableGround:
    """Where one can walk, and how high it is."""

    grid: Grid
    outdoor: Bool[np.ndarray, " ground"]
    """Whether each ground cell, in flat [y, x] order, is outside buildings and not water."""
    terrain: Float[np.ndarray, " ground"]
    """Height of each ground cell [m]."""

    @classmethod
    def of(cls, geometry_maps: xr.Dataset) -> WalkableGround:
        """The ground of a place's G. Raises InputError where all of it is built on or under water."""
        outdoor = geometry_maps["footprint"].values.ravel() == 0
        if "water" in geometry_maps:
            outdoor = outdoor & (geometry_maps["water"].values.ravel() != 1)
        if not outdoor.any():
            raise InputError("the place has no outdoor ground for UEs to stand on; choose another tile")
        return cls(grid_of(geometry_maps), outdoor, geometry_maps["terrain"].values.ravel())

    def is_free(self, xy: Float[np.ndarray, "*walkers 2"]) -> Bool[np.ndarray, "*walkers"]:
        """Whether each point is outdoors, on dry ground and inside the tile."""
        index = self.grid.index(xy)
        return (index >= 0) & self.outdoor[index]

    def sample(self, count: int, generator: np.random.Generator) -> Float[np.ndarray, "walker 2"]:
        """Points uniform over the outdoor ground [m]."""
        return within(self.grid, generator.choice(np.flatnonzero(self.outdoor), count), generator)


@dataclass
class Walkers:
    """UEs on their way: the state that `walk` moves on."""

    ground: WalkableGround
    position: Float[np.ndarray, "walker 2"]
    """Where they are [m]."""
    heading: Float[np.ndarray, " walker"]
    """Where they are going [rad], counter-clockwise from east."""
    speed: Float[np.ndarray, " walker"]
    """How fast [m/s]."""
    heading_wander: float
    """Random walk of the heading [rad/√m]."""
    turn_distance: float
    """Mean distance between quarter turns [m]."""

    @classmethod
    def start(
        cls,
        geometry_maps: xr.Dataset,
        speed: Float[np.ndarray, " walker"],
        heading_wander: float,
        turn_distance: float,
        weight: Float[np.ndarray, "y x"],
        generator: np.random.Generator,
    ) -> Walkers:
        """Walkers drawn by weight over the outdoor ground, heading anywhere.

        Raises:
            InputError: no outdoor ground has weight.
        """
        ground = WalkableGround.of(geometry_maps)
        ground.sample(len(speed), generator)  # so that draws are those of before there were weights
        heading = generator.uniform(-np.pi, np.pi, len(speed))
        share = np.where(ground.outdoor, weight.ravel(), 0.0)
        lacking = "no outdoor ground has weight for UEs to start on; give other weights"
        cell = drawn_by_weight(share, len(speed), generator, lacking)
        return cls(
            ground, within(ground.grid, cell, generator), heading, speed, heading_wander, turn_distance
        )


def walk(
    walkers: Walkers, intervals: Float[np.ndarray, "walker report"], generator: np.random.Generator
) -> Float[np.ndarray, "walker report 2"]:
    """Positions [m] of the walkers after each interval [s]; a NaN interval ends a walk.

    Strides are at most half a ground cell, so that nobody steps across a building.
    """
    path = np.empty((*intervals.shape, 2))
    for report in range(intervals.shape[1]):
        distance = np.nan_to_num(walkers.speed * intervals[:, report])
        strides = np.ceil(distance / (walkers.ground.grid.resolution / 2)).astype(np.int64)
        for stride in range(int(strides.max(initial=0))):
            moving = np.flatnonzero(strides > stride)
            _step(walkers, moving, distance[moving] / strides[moving], generator)
        path[:, report] = walkers.position
    return path


def _step(
    walkers: Walkers,
    moving: Int[np.ndarray, " moving"],
    stride: Float[np.ndarray, " moving"],
    generator: np.random.Generator,
) -> None:
    """Moves some walkers by one stride [m], each in the first free direction of its detours."""
    side = np.where(generator.random(len(moving)) < 0.5, -1.0, 1.0)
    wander = walkers.heading_wander * np.sqrt(stride) * generator.standard_normal(len(moving))
    turns = generator.random(len(moving)) < stride / walkers.turn_distance
    heading = walkers.heading[moving] + wander + np.where(turns, side * np.pi / 2, 0.0)
    blocked = np.arange(len(moving))
    # Most go ahead; whoever cannot looks at all detours at once, which takes fewer calls than one after the other.
    for detours in (DETOURS[:1], DETOURS[1:]):
        direction = heading[blocked, None] + side[blocked, None] * detours
        offset = np.stack([np.cos(direction), np.sin(direction)], axis=-1)
        target = walkers.position[moving[blocked], None] + stride[blocked, None, None] * offset
        free = walkers.ground.is_free(target)
        goes = free.any(axis=1)
        first = np.flatnonzero(goes), free.argmax(axis=1)[goes]
        walkers.position[moving[blocked[goes]]] = target[first]
        walkers.heading[moving[blocked[goes]]] = direction[first]
        blocked = blocked[~goes]
        if not len(blocked):
            return
    # Whoever finds no way stands still for this stride and looks elsewhere at the next.
    walkers.heading[moving[blocked]] += np.pi / 2
