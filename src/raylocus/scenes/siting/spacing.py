"""Positions of sites that keep their distance, and street-level sites: on lamp posts and façades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray

#: Candidates looked at together.
WALK = 4096
#: Directions in which the view along the street is judged.
DIRECTIONS = 48
#: Views are judged up to this distance [m].
FARTHEST_VIEW = 200.0
#: Sectors of one site point at least this far apart [rad].
SECTOR_SEPARATION = 2 * np.pi / 3


@dataclass(frozen=True)
class PlannedSite:
    """One site before its cells have PCIs."""

    position: tuple[float, float, float]
    """Antenna centre (x, y, z) [m]."""
    azimuths: tuple[float, ...]
    """Boresight of each cell [rad], counter-clockwise from east."""
    downtilts: tuple[float, ...]
    """Downtilt of each cell [rad]."""
    power_dbm: float
    """Total transmit power of each cell [dBm]."""
    array: AntennaArray


def open_ground(maps: xr.Dataset) -> Bool[np.ndarray, "y x"]:
    """Ground that can carry a mast: no building, no water, and no road where roads are known."""
    free = maps["footprint"].values == 0
    for layer in ("water", "road"):
        if layer in maps:
            free &= ~(maps[layer].values > 0)  # NaN, which is unknown, compares as false
    return free


def throw_darts(
    tile: Grid,
    preferences: Sequence[Int[np.ndarray, " _"]],
    keep_away: Callable[[], float],
    generator: np.random.Generator,
    taken: Sequence[tuple[float, ...]] = (),
) -> list[int]:
    """Ground cells for sites, drawn at random until no more fit.

    Args:
        tile: the grid.
        preferences: flat indices of the ground cells to draw from, the preferred first.
        keep_away: draws the distance [m] that the next site keeps others away.
        generator: draws the order.
        taken: positions that keep others away already.
    """
    candidates = np.concatenate([generator.permutation(cells) for cells in preferences])
    taken_away = np.zeros(tile.shape, bool)
    for position in taken:
        _take_disc(taken_away, tile, np.array(position[:2]), keep_away())
    chosen: list[int] = []
    flat = taken_away.reshape(-1)
    # Cells that are taken stay so: one walk through the candidates finds all sites.
    for start in range(0, len(candidates), WALK):
        cells = candidates[start : start + WALK]
        while len(cells := cells[~flat[cells]]):
            chosen.append(int(cells[0]))
            _take_disc(taken_away, tile, cell_centre(tile, chosen[-1]), keep_away())
    return chosen


def away_from_edge(tile: Grid, distance: float) -> Bool[np.ndarray, "y x"]:
    """Ground cells whose centres lie farther than `distance` [m] from the grid's edge."""
    west, south, east, north = tile.bounds
    x, y = tile.x_coordinates, tile.y_coordinates
    columns = np.minimum(x - west, east - x) > distance
    rows = np.minimum(y - south, north - y) > distance
    return np.asarray(rows[:, None] & columns)


def cell_centre(tile: Grid, index: int) -> Float[np.ndarray, "2"]:
    """Centre (x, y) [m] of the ground cell of a flat index, without the table of all centres."""
    row, column = divmod(index, tile.count)
    return np.array([tile.x_coordinates[column], tile.y_coordinates[row]])


def disc_window(tile: Grid, centre: np.ndarray, radius: float) -> tuple[slice, slice]:
    """Rows and columns of the cells whose centres may lie within `radius` [m] of a point."""
    corner = np.array([tile.x_coordinates[0], tile.y_coordinates[0]])
    first = np.ceil((centre - radius - corner) / tile.resolution).astype(int)
    last = np.floor((centre + radius - corner) / tile.resolution).astype(int)
    low, high = np.maximum(first, 0), np.maximum(last + 1, 0)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _take_disc(taken_away: Bool[np.ndarray, "y x"], tile: Grid, centre: np.ndarray, distance: float) -> None:
    """Marks the cells nearer than `distance` [m] to a point."""
    rows, columns = disc_window(tile, centre, distance)
    y, x = tile.y_coordinates[rows] - centre[1], tile.x_coordinates[columns] - centre[0]
    taken_away[rows, columns] |= (y**2)[:, None] + x**2 < distance**2


@dataclass(frozen=True)
class MicroLayout:
    """Statistics of street-level sites, after the UMi street canyon of TR 38.901 §7.2."""

    site_distance: float = 90.0
    """Smallest distance from a street-level site to any other site [m]."""
    height: tuple[float, float] = (6.0, 10.0)
    """Range of antenna heights above ground [m]."""
    wall_distance: float = 8.0
    """Largest distance from a street-level site to a building [m]; open ground is used where there are none."""
    sectors: int = 2
    """Cells of a site, the first along the longest view."""
    downtilt: tuple[float, float] = (0.0, 0.09)
    """Range of downtilts [rad]; 0° to 5°."""
    power_dbm: float = 37.0
    """Total transmit power of a cell [dBm]."""
    array: AntennaArray = AntennaArray(rows=2, columns=4, beams=4)


def micro_sites(
    maps: xr.Dataset,
    tile: Grid,
    layout: MicroLayout,
    edge_distance: float,
    taken: list[PlannedSite],
    generator: np.random.Generator,
) -> list[PlannedSite]:
    """Street-level sites between sites that stand already.

    Args:
        maps: the geometry maps.
        tile: their grid.
        layout: statistics of the sites.
        edge_distance: smallest distance from a site to the tile's edge [m].
        taken: sites that stand already.
        generator: decides positions, heights and tilts.
    """
    inside = away_from_edge(tile, edge_distance).ravel()
    free = open_ground(maps)
    to_wall = distance_transform_edt(maps["footprint"].values == 0) * tile.resolution
    near_wall = free & (to_wall <= layout.wall_distance)
    preferences = [np.flatnonzero(inside & cells.ravel()) for cells in (near_wall, free)]
    standing = [site.position for site in taken]
    chosen = throw_darts(tile, preferences, lambda: layout.site_distance, generator, standing)
    return [_site(maps, tile, index, layout, generator) for index in chosen]


def _site(
    maps: xr.Dataset, tile: Grid, index: int, layout: MicroLayout, generator: np.random.Generator
) -> PlannedSite:
    x, y = tile.centres[index].tolist()
    z = round(float(maps["terrain"].values.flat[index]) + float(generator.uniform(*layout.height)), 2)
    return PlannedSite(
        position=(x, y, z),
        azimuths=_along_the_street(clear_views(maps, tile, (x, y, z)), layout.sectors),
        downtilts=tuple(generator.uniform(*layout.downtilt, layout.sectors).tolist()),
        power_dbm=layout.power_dbm,
        array=layout.array,
    )


def clear_views(
    maps: xr.Dataset, tile: Grid, position: tuple[float, float, float]
) -> Float[np.ndarray, " direction"]:
    """Distance [m] one sees from a point in each of `DIRECTIONS` directions, counter-clockwise from east."""
    azimuth = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    distance = np.arange(tile.resolution, FARTHEST_VIEW, tile.resolution)
    along = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)[:, None, :] * distance[:, None]
    cell = tile.index(np.array(position[:2]) + along)
    # The view ends at the tile's edge: what lies beyond is not known.
    blocked = (cell < 0) | (maps["surface"].values.ravel()[cell] > position[2])
    first = np.where(blocked.any(axis=1), blocked.argmax(axis=1), len(distance))
    return first * tile.resolution


def _along_the_street(views: Float[np.ndarray, " direction"], sectors: int) -> tuple[float, ...]:
    """The longest views, each well away from those chosen before."""
    azimuth = 2 * np.pi * np.arange(len(views)) / len(views)
    separation = min(SECTOR_SEPARATION, 2 * np.pi / sectors) - 1e-9
    left = views.astype(float)
    chosen = []
    for _ in range(sectors):
        best = float(azimuth[left.argmax()])
        chosen.append(best)
        apart = np.abs(np.angle(np.exp(1j * (azimuth - best))))
        left = np.where(apart < separation, -np.inf, left)
    return tuple(chosen)
