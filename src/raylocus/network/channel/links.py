"""The channel at UEs: its state in their ground cells, and links, the paths to every report as padded arrays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float

from raylocus.errors import InputError
from raylocus.propagation.antennas.antennas import (
    array_factors,
    beam_azimuths,
    element_gain_db,
    in_antenna_frame,
    zenith_and_azimuth,
)
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.atlas.ue_paths import ground_cell_points, paths_at
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.ragged import Columns
from raylocus.scenes.geometry_maps import grid_of
from raylocus.scenes.sites import Cell
from raylocus.units import SPEED_OF_LIGHT, from_decibel

#: Strongest paths of a link that are kept: on a city tile 99.5 % of the power or more in 90 % of the links.
MOST_PATHS = 16


@dataclass(frozen=True)
class ChannelState(Columns):
    """The channel from every cell to the UE at each report."""

    rsrp_beam: Float[np.ndarray, "report cell beam"]
    """Received power per resource element of every SSB beam [dBm]; NaN without a path."""
    delay: Float[np.ndarray, "report site"]
    """Delay of the first path from each site [s]; NaN without a path."""
    line_of_sight: Float[np.ndarray, "report site"]
    """Share of the ground cell in line of sight of each site."""


def channel_at(world_maps: xr.Dataset, position: Float[np.ndarray, "report 3"]) -> ChannelState:
    """The channel at UE positions [m], read from the ground cells that hold them.

    `world_maps` has the layers of `propagation.maps.radio_maps.LAYERS`.

    Raises:
        InputError: a position lies outside the tile.
    """
    grid = grid_of(world_maps)
    ground = grid.index(position)
    if np.any(ground < 0):
        x, y = position[np.argmax(ground < 0), :2]
        raise InputError(
            f"a UE at ({x:.0f}, {y:.0f}) m is outside the {grid.size:.0f} m tile; move it inside"
        )
    row, column = np.divmod(ground, grid.count)
    return ChannelState(
        rsrp_beam=np.moveaxis(world_maps["rsrp_beam"].values[:, :, row, column], -1, 0),
        delay=world_maps["toa"].values[:, row, column].T,
        line_of_sight=world_maps["line_of_sight"].values[:, row, column].T,
    )


@dataclass(frozen=True)
class Links(Columns):
    """Paths between every site and the UE of every report; NaN delay where there is none."""

    delay: Float[np.ndarray, "report site path"]
    """s."""
    transfer: Complex[np.ndarray, "report site path receive transmit"]
    """Field between (θ̂, φ̂) at the UE and (θ̂, φ̂) at the site, the carrier's phase included; 0 where no path."""
    arrival: Float[np.ndarray, "report site path 3"]
    """Unit propagation vector at the UE."""
    departure: Float[np.ndarray, "report site path 3"]
    """Unit vector from the site."""

    def later(self, way: Float[np.ndarray, " report"]) -> Links:
        """The links where every path goes on for some way [m]."""
        return dataclasses.replace(self, delay=self.delay + way[:, None, None] / SPEED_OF_LIGHT)


def links_at(
    place: TracedPlace,
    position: Float[np.ndarray, "report 3"],
    materials: RadioMaterials | None = None,
) -> Links:
    """The links of UE positions [m], strongest path first, under the atlas's materials or others.

    Raises:
        InputError: a position lies outside the tile.
    """
    sites, reports = len(place.deployment.sites), len(position)
    delay = np.full((reports, sites, MOST_PATHS), np.nan)
    transfer = np.zeros((reports, sites, MOST_PATHS, 2, 2), np.complex64)
    arrival, departure = (np.zeros((reports, sites, MOST_PATHS, 3), np.float32) for _ in range(2))
    terrain = place.geometry_maps["terrain"].values
    points = ground_cell_points(place.atlas.grid, terrain, place.atlas.ue_height)
    for site in range(sites):
        found = paths_at(place.atlas, site, position, points)
        paths = found.paths
        field = path_fields(paths, materials or paths.materials)
        turns = (paths.length / paths.materials.wavelength) % 1
        field = field * (np.sqrt(paths.visible) * np.exp(-2j * np.pi * turns))[:, None, None]
        power = (np.abs(field[:, :, 0]) ** 2).sum(axis=1)
        order = np.lexsort((-power, found.ue))
        ue = found.ue[order]
        rank = np.arange(len(ue)) - np.searchsorted(ue, ue, side="left")
        kept = (rank < MOST_PATHS) & (power[order] > 0)
        rows, slots, chosen = ue[kept], rank[kept], order[kept]
        delay[rows, site, slots] = paths.length[chosen] / SPEED_OF_LIGHT
        transfer[rows, site, slots] = field[chosen]
        arrival[rows, site, slots] = paths.arrival[chosen]
        departure[rows, site, slots] = paths.departure[chosen]
    return Links(delay, transfer, arrival, departure)


def beam_weights(
    departure: Float[np.ndarray, "report path 3"], cell: Cell
) -> Complex[np.ndarray, "report path beam"]:
    """Complex amplitude of each SSB beam towards each departure; |·|² is `propagation.antennas.antennas.beam_gains`."""
    element, lateral = element_amplitude(departure, cell)
    steer = np.sin(beam_azimuths(cell.array))
    columns = np.arange(cell.array.columns)
    taper = np.exp(-1j * np.pi * steer[:, None] * columns) / np.sqrt(cell.array.columns)
    across = np.exp(1j * np.pi * lateral[..., None] * columns)
    return (element[..., None] * (across @ taper.T)).astype(np.complex64)


def element_amplitude(
    departure: Float[np.ndarray, "report path 3"], cell: Cell
) -> tuple[Float[np.ndarray, "report path"], Float[np.ndarray, "report path"]]:
    """Amplitude of one column (rows in phase) towards each departure, and the cosine along the row of columns."""
    local = in_antenna_frame(departure.reshape(-1, 3).astype(float), cell.azimuth, cell.downtilt)
    gain = from_decibel(element_gain_db(*zenith_and_azimuth(local), cell.pattern))
    amplitude = np.sqrt(gain * array_factors(local[:, 2], np.zeros(1), cell.array.rows)[:, 0])
    return amplitude.reshape(departure.shape[:-1]), local[:, 1].reshape(departure.shape[:-1])


def column_ports(
    departure: Float[np.ndarray, "report path 3"], cell: Cell
) -> Complex[np.ndarray, "report path column"]:
    """Amplitude of every column of a sector towards each departure: its CSI-RS ports of one polarisation."""
    element, lateral = element_amplitude(departure, cell)
    columns = np.arange(cell.array.columns)
    return (element[..., None] * np.exp(1j * np.pi * lateral[..., None] * columns)).astype(np.complex64)
