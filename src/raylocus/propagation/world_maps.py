"""The radio maps of a world: the nominal atlas under other materials, antennas, levels and residual."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.propagation.path_loss import umi_nlos_path_loss
from raylocus.propagation.radio_maps import as_dataset, beam_levels, cell_layers, site_channels, site_layers
from raylocus.propagation.traced_place import TracedPlace
from raylocus.scenes.residual import residual_field
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World
from raylocus.units import energy_per_resource_element, from_decibel, to_decibel


def world_radio_maps(place: TracedPlace, world: World) -> xr.Dataset:
    """Every layer of R as it truly is in one world of a place.

    Materials change the fields of the atlas's paths, antenna errors the weights of its departures;
    nothing is traced again. Scattering that no tracer models adds power, the same through every beam;
    level errors and the residual shift all beams of a cell alike.
    """
    materials = place.atlas.materials.scaled(world.permittivity_factor, world.conductivity_factor)
    deployment = turned_deployment(place.deployment, world)
    channels = site_channels(place.atlas, deployment, materials)
    power = np.nan_to_num(from_decibel(beam_levels(channels, deployment, place.atlas.grid)))
    # Scattering lights every beam that a cell has, and none that only other cells have.
    beams = np.array([cell.array.beams for cell in deployment.cells])
    exists = np.arange(deployment.beam_count) < beams[:, None]
    power += from_decibel(scattered_level(place, world))[:, None] * exists[:, :, None, None]
    shift = world.level_error_db[:, None, None] + residual_field(world, place.deployment, place.atlas.grid)
    over_cells = cell_layers(to_decibel(power) + shift[:, None], deployment.carrier.numerology)
    return as_dataset({**site_layers(channels, place.atlas.grid), **over_cells}, place.atlas.grid.coordinates)


def turned_deployment(deployment: Deployment, world: World) -> Deployment:
    """The deployment with the world's antenna errors."""
    cells = tuple(
        dataclasses.replace(cell, azimuth=cell.azimuth + float(turn), downtilt=cell.downtilt + float(tilt))
        for cell, turn, tilt in zip(deployment.cells, world.azimuth_error, world.downtilt_error, strict=True)
    )
    return dataclasses.replace(deployment, cells=cells)


def scattered_level(place: TracedPlace, world: World) -> Float[np.ndarray, "cell y x"]:
    """Level of the unmodelled scattering [dBm per resource element]: TR 38.901 UMi NLOS plus the world's gain."""
    deployment, grid = place.deployment, place.atlas.grid
    loss = umi_nlos_path_loss(_distance(place, grid), deployment.carrier.frequency)
    energy = [
        energy_per_resource_element(cell.power_dbm, deployment.carrier.resource_blocks)
        for cell in deployment.cells
    ]
    level = np.array(energy)[:, None] - loss[deployment.site_of_cell] + world.scatter_gain_db
    return level.reshape(-1, *grid.shape)


def _distance(place: TracedPlace, grid: Grid) -> Float[np.ndarray, "site ground_cell"]:
    point = np.column_stack([grid.centres, place.geometry_maps["terrain"].values.ravel() + 1.5])
    return np.linalg.norm(place.deployment.site_positions[:, None] - point[None], axis=-1)
