"""Path loss of TR 38.901, the levels that it gives every cell without buildings, and which cells are heard by them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.propagation.antennas.antennas import cell_gains
from raylocus.scenes.geometry_maps import cut_ground
from raylocus.scenes.sites import UE_HEIGHT, Deployment
from raylocus.units import energy_per_resource_element, to_decibel


def umi_los_path_loss(distance: Float[np.ndarray, "..."], frequency: float) -> Float[np.ndarray, "..."]:
    """UMi street canyon LOS below the breakpoint [dB]: 32.4 + 21·log d + 20·log f_GHz (Table 7.4.1-1)."""
    return 32.4 + 21 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)


def umi_nlos_path_loss(
    distance: Float[np.ndarray, "..."], frequency: float, ue_height: float = UE_HEIGHT
) -> Float[np.ndarray, "..."]:
    """UMi street canyon NLOS [dB]: max(LOS, 22.4 + 35.3·log d + 21.3·log f_GHz − 0.3(h_UT − 1.5)) (Table 7.4.1-1).

    Args:
        distance: 3-D distance [m].
        frequency: carrier [Hz].
        ue_height: h_UT, over the terrain [m].
    """
    slope = 22.4 + 35.3 * np.log10(np.maximum(distance, 1.0)) + 21.3 * np.log10(frequency / 1e9)
    return np.maximum(umi_los_path_loss(distance, frequency), slope - 0.3 * (ue_height - 1.5))


def uma_los_path_loss(distance: Float[np.ndarray, "..."], frequency: float) -> Float[np.ndarray, "..."]:
    """UMa LOS below the breakpoint [dB]: 28 + 22·log d + 20·log f_GHz (Table 7.4.1-1)."""
    return 28 + 22 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)


def uma_nlos_path_loss(
    distance: Float[np.ndarray, "..."], frequency: float, ue_height: float = UE_HEIGHT
) -> Float[np.ndarray, "..."]:
    """UMa NLOS [dB]: max(LOS, 13.54 + 39.08·log d + 20·log f_GHz − 0.6(h_UT − 1.5)) (Table 7.4.1-1).

    Arguments as of `umi_nlos_path_loss`.
    """
    slope = 13.54 + 39.08 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)
    return np.maximum(uma_los_path_loss(distance, frequency), slope - 0.6 * (ue_height - 1.5))


def cell_energy(deployment: Deployment) -> Float[np.ndarray, " cell"]:
    """EPRE of every cell [dBm]. Raises PlaceError where there are several carriers."""
    blocks = deployment.carrier.resource_blocks
    return np.array([energy_per_resource_element(cell.power_dbm, blocks) for cell in deployment.cells])


def isotropic_levels(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "cell y x"]:
    """Received power per resource element [dBm] by TR 38.901 UMi NLOS between isotropic antennas."""
    offset = _offsets(deployment, grid, terrain, ue_height)
    distance = np.linalg.norm(offset, axis=-1)
    losses = {each: umi_nlos_path_loss(distance, each, ue_height) for each in deployment.frequencies}
    levels = [
        energy_per_resource_element(cell.power_dbm, carrier.resource_blocks)
        - losses[carrier.frequency][cell.site]
        for cell in deployment.cells
        for carrier in [deployment.carriers[cell.carrier]]
    ]
    return np.stack(levels).reshape(-1, *grid.shape)


def formula_levels(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "cell y x"]:
    """RSRP [dBm] of each cell's best beam: the isotropic level and the antennas' gain along the straight line."""
    offset = _offsets(deployment, grid, terrain, ue_height)
    gains = []
    for cell in deployment.cells:
        direction = offset[cell.site] / np.linalg.norm(offset[cell.site], axis=-1, keepdims=True)
        gains.append(cell_gains(direction, cell).max(1))
    gain = to_decibel(np.maximum(np.stack(gains), 1e-4)).reshape(-1, *grid.shape)
    return isotropic_levels(deployment, grid, terrain, ue_height) + gain


def power_sum(
    level: Float[np.ndarray, "*shape"], other: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Level of two powers together [dBm]; NaN in the first is no power, the second is never missing."""
    # By their ratio, in single precision: all beams of an area's window, and 1e-5 dB is nothing.
    nepers = np.float32(np.log(10) / 10)
    over = (level.astype(np.float32, copy=False) - other.astype(np.float32, copy=False)) * nepers
    np.copyto(over, -np.inf, where=np.isnan(over))
    return (other + np.log1p(np.exp(over)) / nepers).astype(np.float32)


def _offsets(
    deployment: Deployment, grid: Grid, terrain: Float[np.ndarray, "y x"], ue_height: float
) -> Float[np.ndarray, "site ground 3"]:
    ground = np.column_stack([grid.centres, terrain.ravel() + ue_height])
    return ground[None] - deployment.site_positions[:, None]


#: Weakest RSRP that a UE detects [dBm], as `network.configuration.NetworkConfiguration.detection_rsrp` has it.
DETECTION_RSRP = -125.0
#: How much stronger than TR 38.901 UMi NLOS a cell may be received, over a square or from a hill [dB].
ALLOWANCE_DB = 15.0
#: Cells this far below their carrier's strongest are neither detected (their SINR would be below −8 dB by far, even
#: received `ALLOWANCE_DB` stronger) nor add to its interference [dB].
RANGE_DB = 30.0
#: Points along a side of the window at which levels are looked at.
POINTS = 8


def heard_cells(deployment: Deployment, window: Grid, ground: xr.Dataset) -> list[int]:
    """The cells that may be detected in a window or interfere there, in order; the strongest one where none is.

    Args:
        deployment: of the area, in its frame.
        window: a square in that frame.
        ground: coarse rasters of the area.
    """
    points = Grid(window.size, window.size / POINTS, window.centre)
    terrain = cut_ground(ground, points)["terrain"].values
    weakest = DETECTION_RSRP - ALLOWANCE_DB
    strongest, heard = np.full(len(deployment.cells), -np.inf), np.zeros(len(deployment.cells), bool)
    for layer in deployment.layers():
        level = formula_levels(layer.deployment, points, terrain, UE_HEIGHT).reshape(len(layer.cells), -1)
        enough = level >= np.maximum(weakest, level.max(axis=0) - RANGE_DB)
        strongest[layer.cells], heard[layer.cells] = level.max(axis=1), enough.any(axis=1)
    return np.flatnonzero(heard).tolist() or [int(strongest.argmax())]
