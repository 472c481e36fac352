"""Levels by formula, without buildings: the second opinion beside ray tracing, and the law of what it leaves out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.propagation.antennas import beam_gains
from raylocus.propagation.path_loss import umi_nlos_path_loss
from raylocus.scenes.sites import Deployment
from raylocus.units import energy_per_resource_element, to_decibel


def isotropic_levels(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "cell y x"]:
    """Received power per resource element [dBm] by TR 38.901 UMi NLOS between isotropic antennas."""
    offset = _offsets(deployment, grid, terrain, ue_height)
    distance = np.linalg.norm(offset, axis=-1)
    loss = umi_nlos_path_loss(distance, deployment.carrier.frequency, ue_height)[deployment.site_of_cell]
    blocks = deployment.carrier.resource_blocks
    energy = np.array([energy_per_resource_element(cell.power_dbm, blocks) for cell in deployment.cells])
    return (energy[:, None] - loss).reshape(-1, *grid.shape)


def formula_levels(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "cell y x"]:
    """RSRP [dBm] of each cell's best beam: the isotropic level and the antennas' gain along the straight line."""
    offset = _offsets(deployment, grid, terrain, ue_height)
    gains = []
    for cell in deployment.cells:
        direction = offset[cell.site] / np.linalg.norm(offset[cell.site], axis=-1, keepdims=True)
        gains.append(beam_gains(direction, cell.azimuth, cell.downtilt, cell.array).max(1))
    gain = to_decibel(np.maximum(np.stack(gains), 1e-4)).reshape(-1, *grid.shape)
    return isotropic_levels(deployment, grid, terrain, ue_height) + gain


def power_sum(
    level: Float[np.ndarray, "*shape"], other: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Level of two powers together [dBm]; NaN in the first is no power."""
    nepers = np.log(10) / 10
    first = np.where(np.isfinite(level), level, -np.inf)
    return (np.logaddexp(first * nepers, other * nepers) / nepers).astype(np.float32)


def _offsets(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "site ground 3"]:
    ground = np.column_stack([grid.centres, terrain.ravel() + ue_height])
    return ground[None] - deployment.site_positions[:, None]
