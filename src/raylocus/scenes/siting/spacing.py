"""Positions of sites that keep their distance from each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray

#: Candidates looked at together.
WALK = 4096


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
