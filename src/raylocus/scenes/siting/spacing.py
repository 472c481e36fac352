"""Positions of sites that keep their distance from each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray


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
    preferences: Sequence[Int[np.ndarray, "_"]],
    keep_away: Callable[[], float],
    generator: np.random.Generator,
    taken: Sequence[tuple[float, ...]] = (),
) -> list[int]:
    """Ground cells for sites, drawn at random until no more fit.

    Args:
        tile: the grid.
        preferences: flat indices of the ground cells to draw from, the preferred first.
        keep_away: draws the distance [m] that the next site keeps others away.
        generator: chance of the order.
        taken: positions that keep others away already.
    """
    candidates = np.concatenate([generator.permutation(cells) for cells in preferences])
    for position in taken:
        candidates = _beyond(tile, candidates, np.array(position[:2]), keep_away())
    chosen: list[int] = []
    while len(candidates):
        chosen.append(int(candidates[0]))
        candidates = _beyond(tile, candidates, tile.centres[candidates[0]], keep_away())
    return chosen


def _beyond(
    tile: Grid, cells: Int[np.ndarray, "_"], centre: np.ndarray, distance: float
) -> Int[np.ndarray, "_"]:
    return cells[np.linalg.norm(tile.centres[cells] - centre, axis=1) >= distance]
