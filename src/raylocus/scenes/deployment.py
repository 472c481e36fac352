"""Draws a plausible macro network over a tile: three-sector sites on roofs, masts where there are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_erosion, maximum_filter

from raylocus.errors import PlaceError
from raylocus.geo import Grid, wrap_angle
from raylocus.scenes.sites import AntennaArray, Carrier, Cell, Deployment, Site


@dataclass(frozen=True)
class DeploymentConfiguration:
    """Statistics of the sampled network; real LTE cells have three sectors and a median of 256 m between sites."""

    site_distance: float = 200.0
    """Smallest distance between two sites [m]; the mean nearest-neighbour distance is about a quarter more."""
    edge_distance: float = 30.0
    """Smallest distance from a site to the tile's edge [m]."""
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
    """Cells of a site, evenly spread in azimuth."""
    azimuth_jitter: float = 0.17
    """Standard deviation of a sector's azimuth about the even spread [rad]."""
    downtilt: tuple[float, float] = (0.07, 0.17)
    """Range of downtilts [rad]; 4° to 10°."""
    power_dbm: float = 46.0
    """Total transmit power of a cell [dBm]."""
    array: AntennaArray = AntennaArray()
    carrier: Carrier = Carrier()


def sample_deployment(
    maps: xr.Dataset, tile: Grid, configuration: DeploymentConfiguration, generator: np.random.Generator
) -> Deployment:
    """Sites by dart throwing over roofs first, then open ground, until no more fit.

    Raises:
        PlaceError: not even one site fits into the tile.
    """
    inside = np.abs(tile.centres).max(axis=1) < tile.size / 2 - configuration.edge_distance
    roofs = np.flatnonzero(inside & _overlooks(maps["height"].values, tile, configuration).ravel())
    open_ground = np.flatnonzero(inside & (maps["footprint"].values.ravel() == 0))
    chosen = _throw_darts(roofs, open_ground, tile, configuration.site_distance, generator)
    if not chosen:
        raise PlaceError("no site fits into the tile; lower the site or edge distance")
    sites = [_site(number, index, maps, tile, configuration) for number, index in enumerate(chosen)]
    cells = _cells(len(sites), configuration, generator)
    return Deployment(configuration.carrier, tuple(sites), tuple(cells))


def _overlooks(
    height: Float[np.ndarray, "y x"], tile: Grid, configuration: DeploymentConfiguration
) -> Bool[np.ndarray, "y x"]:
    """Roofs that an operator would choose: at an edge, in the range of heights, hardly any higher nearby."""
    low, high = configuration.roof_height
    size = 2 * round(configuration.overlook_radius / tile.resolution) + 1
    around = maximum_filter(np.minimum(height, high), size=size)
    interior = binary_erosion(height >= low, iterations=max(1, round(configuration.roof_edge / tile.resolution)))
    return (height >= low) & (height <= high) & (height >= 0.9 * around) & ~interior


def _throw_darts(
    roofs: Int[np.ndarray, "roof"],
    open_ground: Int[np.ndarray, "open"],
    tile: Grid,
    distance: float,
    generator: np.random.Generator,
) -> list[int]:
    candidates = np.concatenate([generator.permutation(roofs), generator.permutation(open_ground)])
    chosen: list[int] = []
    while len(candidates):
        chosen.append(int(candidates[0]))
        away = np.linalg.norm(tile.centres[candidates] - tile.centres[candidates[0]], axis=1)
        candidates = candidates[away >= distance]
    return chosen


def _site(
    number: int, index: int, maps: xr.Dataset, tile: Grid, configuration: DeploymentConfiguration
) -> Site:
    centre: Float[np.ndarray, "2"] = tile.centres[index]
    if maps["footprint"].values.flat[index]:
        near = np.linalg.norm(tile.centres - centre, axis=1) <= 10.0
        z = maps["surface"].values.ravel()[near].max() + configuration.roof_mast
    else:
        z = maps["terrain"].values.flat[index] + configuration.mast_height
    return Site(f"site-{number}", (float(centre[0]), float(centre[1]), round(float(z), 2)))


def _cells(count: int, configuration: DeploymentConfiguration, generator: np.random.Generator) -> list[Cell]:
    # PCI = 3·N1 + N2 (TS 38.211 §7.4.2.1): one N1 a site, N2 by sector, so that no two cells collide.
    groups = generator.permutation(336)[:count]
    cells = []
    for site in range(count):
        first = generator.uniform(-np.pi, np.pi)
        for sector in range(configuration.sectors):
            spread = first + 2 * np.pi * sector / configuration.sectors
            azimuth = wrap_angle(spread + configuration.azimuth_jitter * generator.standard_normal())
            tilt = float(generator.uniform(*configuration.downtilt))
            pci = int(3 * groups[site] + sector)
            cells.append(Cell(pci, site, azimuth, tilt, configuration.power_dbm, configuration.array))
    return cells
