"""R and G of one place as normalised tensors, made once a place and shared by all its sequences."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.geo import Grid
from raylocus.propagation.maps.path_loss import formula_levels, isotropic_levels, power_sum
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT

#: Side of the coarse ground cells that the heatmap and all evidence live on [m].
COARSE_RESOLUTION = 8.0
#: Level of what ray tracing leaves out, over TR 38.901 UMi NLOS between isotropic antennas [dB]: it
#: lights links the map calls dark. The middle of the range that worlds are drawn from.
SCATTER_GAIN = -15.0
#: Beams this far below a cell's best one, or dark, tell nothing more [dB].
BEAM_FLOOR = -20.0
#: Length that positions are divided by before a network sees them [m].
POSITION_SCALE = 256.0


@runtime_checkable
class MappedPlace(Protocol):
    """What a locating method may know of a place: its sites and its nominal maps."""

    @property
    def deployment(self) -> Deployment:
        """Sites and cells."""

    @property
    def tile(self) -> Grid:
        """Grid of the maps."""

    @property
    def geometry_maps(self) -> xr.Dataset:
        """G."""

    @property
    def radio_maps(self) -> xr.Dataset:
        """R, with the layers of `propagation.maps.radio_maps.LAYERS`."""


@dataclass(frozen=True, eq=False)
class PlaceMaps:
    """Tensors of one place over its coarse grid (y, x) and its native grid (fine_y, fine_x).

    Two of them are the same only where they are one object: what is made of a place is kept by it.
    """

    level: Float[Tensor, "cell y x"]
    """RSRP of the best beam [dBm], summed in power with unmodelled scattering: never missing."""
    lit: Float[Tensor, "cell y x"]
    """Share of the ground cell to which ray tracing found a path."""
    formula: Float[Tensor, "cell y x"]
    """RSRP [dBm] by TR 38.901 UMi NLOS and the sector's pattern: a second opinion without buildings."""
    beam_relative: Float[Tensor, "cell beam y x"]
    """RSRP of each beam over the cell's best [dB], scattering included, not below `BEAM_FLOOR`."""
    distance: Float[Tensor, "site y x"]
    """Length of the first path [m]; the straight line where there is none."""
    line_of_sight: Float[Tensor, "site y x"]
    """Share of the ground cell in line of sight; 0 where dark."""
    geometry: Float[Tensor, "layer y x"]
    """Height / 20 m, share of buildings, terrain over its median / 20 m."""
    outdoor: Float[Tensor, "y x"]
    """Share of the ground cell outside buildings."""
    fine_level: Float[Tensor, "cell fine_y fine_x"]
    """RSRP of the best beam [dBm] on the native grid; NaN where dark."""
    fine_outdoor: Float[Tensor, "fine_y fine_x"]
    """1 outside buildings, 0 inside, on the native grid."""
    poses: Float[Tensor, "cell pose"]
    """What a newcomer can know of a cell, see `cell_poses`."""
    site_of_cell: Int[Tensor, "cell"]
    """Site index of each cell."""
    beams_of_cell: Int[Tensor, "cell"]
    """Number of SSB beams of each cell, in ascending azimuth; beam axes are as long as the largest."""
    size: float
    """Side of the tile [m]."""

    def map_rasters(self, function: Callable[[Tensor], Tensor]) -> PlaceMaps:
        """The same place with a function applied to every field that is a raster."""
        rasters: dict[str, Any] = {
            field.name: function(getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in ("poses", "site_of_cell", "beams_of_cell", "size")
        }
        return dataclasses.replace(self, **rasters)

    def to(self, device: torch.device) -> PlaceMaps:
        """The same place on a device."""
        moved: dict[str, Any] = {
            field.name: getattr(self, field.name).to(device)
            for field in dataclasses.fields(self)
            if field.name != "size"
        }
        return dataclasses.replace(self, **moved)


def place_maps(place: MappedPlace) -> PlaceMaps:
    """The tensors of a place.

    Raises:
        InputError: the place's grid does not divide into cells of `COARSE_RESOLUTION`.
    """
    grid = place.tile
    factor = grid.coarsen(max(COARSE_RESOLUTION, grid.resolution)).resolution / grid.resolution

    def coarse(values: Float[np.ndarray, "... y x"]) -> Tensor:
        return torch.from_numpy(_block_mean(np.asarray(values, np.float32), round(factor)))

    deployment, radio, geometry = place.deployment, place.radio_maps, place.geometry_maps
    rsrp = radio["rsrp"].values.astype(np.float32)
    terrain = geometry["terrain"].values.astype(np.float32)
    scattered = (isotropic_levels(deployment, grid, terrain) + SCATTER_GAIN).astype(np.float32)
    outdoor = (geometry["footprint"].values < 0.5).astype(np.float32)
    return PlaceMaps(
        level=coarse(power_sum(rsrp, scattered)),
        lit=coarse(np.isfinite(rsrp).astype(np.float32)),
        formula=coarse(formula_levels(deployment, grid, terrain)),
        beam_relative=coarse(_beam_relative(radio["rsrp_beam"].values, scattered)),
        distance=coarse(_first_path_length(radio["toa"].values, deployment, grid, terrain)),
        line_of_sight=coarse(np.nan_to_num(radio["line_of_sight"].values)),
        geometry=torch.stack(
            [
                coarse(geometry["height"].values) / 20,
                1 - coarse(outdoor),
                coarse(terrain - np.median(terrain)) / 20,
            ]
        ),
        outdoor=coarse(outdoor),
        fine_level=torch.from_numpy(rsrp),
        fine_outdoor=torch.from_numpy(outdoor),
        poses=torch.from_numpy(cell_poses(deployment, float(np.median(terrain)))),
        site_of_cell=torch.from_numpy(np.asarray(deployment.site_of_cell, np.int64)),
        beams_of_cell=torch.tensor([cell.array.beams for cell in deployment.cells]),
        size=float(grid.size),
    )


def cell_poses(deployment: Deployment, ground: float) -> Float[np.ndarray, "cell pose"]:
    """What a newcomer to the city can know of each cell, scaled to order 1.

    Columns: x and y over `POSITION_SCALE`, height above the ground / 30 m, cosine and sine of the
    azimuth, downtilt / 0.2 rad, (power − 40 dBm) / 10 dB, beams / 8, log2 of the frequency over 3.5 GHz.
    """
    position = deployment.site_positions[deployment.site_of_cell]
    azimuth = np.array([cell.azimuth for cell in deployment.cells])
    columns = [
        position[:, 0] / POSITION_SCALE,
        position[:, 1] / POSITION_SCALE,
        (position[:, 2] - ground) / 30,
        np.cos(azimuth),
        np.sin(azimuth),
        np.array([cell.downtilt for cell in deployment.cells]) / 0.2,
        (np.array([cell.power_dbm for cell in deployment.cells]) - 40) / 10,
        np.array([cell.array.beams for cell in deployment.cells]) / 8,
        np.full(len(deployment.cells), np.log2(deployment.carrier.frequency / 3.5e9)),
    ]
    return np.stack(columns, axis=-1).astype(np.float32)


def _beam_relative(
    rsrp_beam: Float[np.ndarray, "cell beam y x"], scattered: Float[np.ndarray, "cell y x"]
) -> Float[np.ndarray, "cell beam y x"]:
    # Scattering reaches every beam alike, so where it is all there is no beam stands out.
    levels = power_sum(rsrp_beam, np.broadcast_to(scattered[:, None], rsrp_beam.shape))
    return np.maximum(levels - levels.max(axis=1, keepdims=True), BEAM_FLOOR)


def _first_path_length(
    toa: Float[np.ndarray, "site y x"], deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"]
) -> Float[np.ndarray, "site y x"]:
    ground = np.concatenate([grid.centres, terrain.reshape(-1, 1) + 1.5], axis=-1)
    straight = np.linalg.norm(ground[None] - deployment.site_positions[:, None], axis=-1)
    return np.where(np.isfinite(toa), toa * SPEED_OF_LIGHT, straight.reshape(-1, *grid.shape))


def _block_mean(values: Float[np.ndarray, "... y x"], factor: int) -> Float[np.ndarray, "... rows columns"]:
    *lead, height, width = values.shape
    return values.reshape(*lead, height // factor, factor, width // factor, factor).mean((-3, -1))
