"""The serving cell and its neighbours, as the reports of `observe` name them (TS 38.331)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.rrc.filtering import reports_by_step


def serving_cells(
    rsrp: Float[np.ndarray, "report cell"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    hysteresis_db: float,
) -> Int[np.ndarray, "report"]:
    """Index of the serving cell at each report.

    The strongest at first; then the same until another is more than the hysteresis stronger (event A3
    with no offset) or it is lost. Each report must have at least one cell that is not NaN.
    """
    level = np.where(np.isnan(rsrp), -np.inf, rsrp)
    serving = level.argmax(axis=1)
    best = level.max(axis=1)
    for now in reports_by_step(report_offsets):
        before = serving[now - 1]
        stays = level[now, before] + hysteresis_db >= best[now]
        serving[now] = np.where(stays, before, serving[now])
    return serving


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
