"""Which cells of a network can be heard in a window, by the level that a formula expects."""

from __future__ import annotations

import numpy as np
import xarray as xr

from raylocus.geo import Grid
from raylocus.propagation.maps.path_loss import formula_levels
from raylocus.scenes.coarse_ground import cut_ground
from raylocus.scenes.sites import UE_HEIGHT, Deployment

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
