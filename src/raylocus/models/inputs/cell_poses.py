"""What the model can know of a cell that it has never seen: where it stands and looks, its power, beams and band."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.scenes.sites import Deployment

#: Length that positions are divided by before a network sees them [m].
POSITION_SCALE = 256.0


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
        np.log2(np.array([deployment.carriers[cell.carrier].frequency for cell in deployment.cells]) / 3.5e9),
    ]
    return np.stack(columns, axis=-1).astype(np.float32)
