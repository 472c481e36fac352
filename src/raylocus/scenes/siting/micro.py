"""Street-level sites: on lamp posts and façades, looking along the street."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt

from raylocus.geo import Grid
from raylocus.scenes.sites import AntennaArray
from raylocus.scenes.siting.spacing import PlannedSite, away_from_edge, open_ground, throw_darts

#: Directions in which the view along the street is judged.
DIRECTIONS = 48
#: Views are judged up to this distance [m].
FARTHEST_VIEW = 200.0
#: Sectors of one site point at least this far apart [rad].
SECTOR_SEPARATION = 2 * np.pi / 3


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
    left, chosen = views.astype(float), []
    for _ in range(sectors):
        best = float(azimuth[left.argmax()])
        chosen.append(best)
        apart = np.abs(np.angle(np.exp(1j * (azimuth - best))))
        left = np.where(apart < separation, -np.inf, left)
    return tuple(chosen)
