"""Where an operator puts macro sites: on roofs that overlook their neighbours, on masts where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_erosion, maximum_filter

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray, Carrier
from raylocus.scenes.siting.spacing import (
    PlannedSite,
    away_from_edge,
    cell_centre,
    disc_window,
    open_ground,
    throw_darts,
)

#: Roofs this far around a rooftop antenna are below it [m].
ROOF_RADIUS = 10.0


def array_on(carrier: Carrier, array: AntennaArray) -> AntennaArray:
    """The array of a sector on a carrier: in NR with at most L_max beams (TS 38.213 §4.1), else with one wide beam."""
    if carrier.technology != "NR":
        return replace(array, columns=1, beams=1)
    most = 4 if carrier.frequency <= 3e9 else 8 if carrier.frequency < 7.125e9 else 64
    return replace(array, beams=min(array.beams, most))


@dataclass(frozen=True)
class MacroLayout:
    """Statistics of macro sites.

    The defaults follow a real city's LTE network: three sectors in 95 % of the sites, and a median distance
    of 256 m from a site to the nearest other.
    """

    site_distance: float = 242.0
    """Median of the distance that a site keeps others away [m]."""
    distance_spread: float = 0.2
    """Standard deviation of the logarithm of that distance from site to site."""
    roof_height: tuple[float, float] = (10.0, 45.0)
    """Range of building heights that carry rooftop sites [m]."""
    overlook_radius: float = 40.0
    """A rooftop site's roof is nearly the highest within this distance [m]."""
    roof_edge: float = 6.0
    """Largest distance of a rooftop site from its roof's edge, so that it sees the street [m]."""
    roof_mast: float = 4.0
    """Antenna centre above the highest roof within 10 m [m]."""
    mast_height: float = 25.0
    """Antenna centre of a free-standing mast above ground [m]."""
    sectors: int = 3
    """Cells of an ordinary site, evenly spread in azimuth."""
    unusual_share: float = 0.05
    """Share of the sites with another number of sectors."""
    unusual_sectors: tuple[int, ...] = (1, 2, 4)
    """Those other numbers, equally likely."""
    azimuth_jitter: float = 0.17
    """Standard deviation of a sector's azimuth about the even spread [rad]."""
    downtilt: tuple[float, float] = (0.07, 0.17)
    """Range of downtilts [rad]; 4° to 10°."""
    power_dbm: float = 46.0
    """Total transmit power of a cell [dBm]."""
    array: AntennaArray = AntennaArray()


def macro_sites(
    maps: xr.Dataset, tile: Grid, layout: MacroLayout, edge_distance: float, generator: np.random.Generator
) -> list[PlannedSite]:
    """Sites by dart throwing over roofs first, then over open ground, until no more fit.

    In a tile of nothing but water the masts stand in the water.

    Args:
        maps: the geometry maps.
        tile: their grid.
        layout: statistics of the sites.
        edge_distance: smallest distance from a site to the tile's edge [m].
        generator: decides positions and sectors.
    """
    inside = away_from_edge(tile, edge_distance)
    roofs = np.flatnonzero(inside & _overlooks(maps["height"].values, tile, layout))
    ground = np.flatnonzero(inside & open_ground(maps))
    if not len(roofs) and not len(ground):  # nothing but water: on platforms
        ground = np.flatnonzero(inside & (maps["footprint"].values == 0))

    return _thrown(maps, tile, [roofs, ground], layout, generator)


def macro_sites_around(
    maps: xr.Dataset,
    grid: Grid,
    tile: Grid,
    layout: MacroLayout,
    taken: Sequence[PlannedSite],
    generator: np.random.Generator,
) -> list[PlannedSite]:
    """Sites outside a tile whose own sites stand already, as densely.

    Args:
        maps: geometry maps of the ground around the tile, and of the tile.
        grid: their grid.
        tile: where no site is added.
        layout: statistics of the sites.
        taken: the tile's sites.
        generator: decides positions and sectors.
    """
    outside = ~tile.contains(grid.centres)
    roofs = np.flatnonzero(outside & _overlooks(maps["height"].values, grid, layout).ravel())
    ground = np.flatnonzero(outside & open_ground(maps).ravel())

    return _thrown(maps, grid, [roofs, ground], layout, generator, [site.position for site in taken])


def _thrown(
    maps: xr.Dataset,
    grid: Grid,
    preferences: Sequence[Int[np.ndarray, " _"]],
    layout: MacroLayout,
    generator: np.random.Generator,
    taken: Sequence[tuple[float, ...]] = (),
) -> list[PlannedSite]:
    """Sites on the preferred cells first, until no more fit; arguments as of `throw_darts`."""

    def keep_away() -> float:
        return layout.site_distance * float(np.exp(layout.distance_spread * generator.standard_normal()))

    return [
        _site(cell_centre(grid, index), antenna_height(maps, grid, index, layout), layout, generator)
        for index in throw_darts(grid, preferences, keep_away, generator, taken)
    ]


def antenna_height(maps: xr.Dataset, tile: Grid, index: int, layout: MacroLayout) -> float:
    """Antenna centre [m, frame] over a ground cell: above its roof, or on a mast where there is none."""
    if not maps["footprint"].values.flat[index]:
        return float(maps["terrain"].values.flat[index]) + layout.mast_height
    centre = cell_centre(tile, index)
    rows, columns = disc_window(tile, centre, ROOF_RADIUS)
    y, x = tile.y_coordinates[rows] - centre[1], tile.x_coordinates[columns] - centre[0]
    near = np.hypot(y[:, None], x[None, :]) <= ROOF_RADIUS
    return float(maps["surface"].values[rows, columns][near].max()) + layout.roof_mast


def _overlooks(height: Float[np.ndarray, "y x"], tile: Grid, layout: MacroLayout) -> Bool[np.ndarray, "y x"]:
    """Roofs that an operator would choose: at an edge, in the range of heights, hardly any higher nearby."""
    low, high = layout.roof_height
    size = 2 * round(layout.overlook_radius / tile.resolution) + 1
    chosen = np.zeros(height.shape, bool)
    # Around the roofs that are high enough there is nothing that could outdo or support them.
    window = tuple(_reach(np.any(height >= low, axis=axis)) for axis in (1, 0))
    near = height[window]
    tall = near >= low
    around = maximum_filter(np.minimum(near, high), size=size)
    interior = binary_erosion(tall, iterations=max(1, round(layout.roof_edge / tile.resolution)))
    chosen[window] = tall & (near <= high) & (near >= 0.9 * around) & ~interior
    return chosen


def _reach(held: Bool[np.ndarray, " n"]) -> slice:
    """From the first to the last that holds."""
    index = np.flatnonzero(held)
    return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0)


def _site(
    centre: Float[np.ndarray, "2"], height: float, layout: MacroLayout, generator: np.random.Generator
) -> PlannedSite:
    unusual = generator.random() < layout.unusual_share
    sectors = int(generator.choice(layout.unusual_sectors)) if unusual else layout.sectors
    first = generator.uniform(-np.pi, np.pi)
    spread = first + 2 * np.pi * np.arange(sectors) / sectors
    return PlannedSite(
        position=(float(centre[0]), float(centre[1]), round(height, 2)),
        azimuths=tuple((spread + layout.azimuth_jitter * generator.standard_normal(sectors)).tolist()),
        downtilts=tuple(generator.uniform(*layout.downtilt, sectors).tolist()),
        power_dbm=layout.power_dbm,
        array=layout.array,
    )
