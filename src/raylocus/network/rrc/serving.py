"""The neighbours that a report names (TS 38.331)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def neighbour_cells(
    rsrp: Float[np.ndarray, "report cell"], serving: Int[np.ndarray, "report"], most: int
) -> Int[np.ndarray, "report neighbour"]:
    """Indices of the strongest cells beside the serving one, strongest first; −1 where there is none.

    Args:
        rsrp: filtered RSRP [dBm]; NaN where the cell is not to be reported.
        serving: serving cell of each report.
        most: maxReportCells of TS 38.331, 1 to 8.
    """
    level = np.where(np.isnan(rsrp), -np.inf, rsrp)
    np.put_along_axis(level, serving[:, None], -np.inf, axis=1)
    order = np.argsort(-level, axis=1, kind="stable")[:, :most]
    return np.where(np.isinf(np.take_along_axis(level, order, axis=1)), -1, order)
