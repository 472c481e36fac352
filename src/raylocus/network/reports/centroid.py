"""The RSRP centroid: the mean of the sites heard, the louder ones counting more."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Decibels by which a weight falls to a tenth where cells weigh as their amplitude.
AMPLITUDE_DECADE_DB = 20.0


def rsrp_centroid(
    level: Float[np.ndarray, "report cell"],
    site: Float[np.ndarray, "cell 2"],
    decade_db: float = AMPLITUDE_DECADE_DB,
) -> Float[np.ndarray, "report 2"]:
    """Weighted mean of the heard cells' sites [m]; NaN where a report hears none.

    Levels in dBm, NaN where a cell is not heard; a cell's weight is 10 to the power of RSRP / `decade_db`.
    """
    strongest = np.nan_to_num(level, nan=-np.inf).max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        weight = np.nan_to_num(10 ** ((level - strongest) / decade_db))
        centre: Float[np.ndarray, "report 2"] = weight @ site / weight.sum(axis=1, keepdims=True)
    return centre
