"""The levels that reports have of the cells of a network, and the same less what cells are known to be off by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.sites import Deployment

#: Columns of levels that are corrected.
LEVELS = ("rsrp", "l1_rsrp")


def corrected(
    reports: Reports, deployment: Deployment, off: Sequence[float] | Float[np.ndarray, " cell"]
) -> Reports:
    """Reports whose levels are less what their cells are off by [dB]; those of unknown cells stay as they are.

    Args:
        reports: of a network.
        deployment: the network.
        off: of each of its cells; empty where levels stay.
    """
    if not len(off):
        return reports
    by_token = np.append(off, 0.0)[cells_of_tokens(reports, deployment)]
    features = reports.features.copy()
    for name in LEVELS:
        if name in reports.feature_names:
            features[:, reports.feature_names.index(name)] -= by_token
    return dataclasses.replace(reports, features=features)


def heard_levels(
    report: Reports, deployment: Deployment
) -> tuple[Int[np.ndarray, " level"], Float[np.ndarray, " level"]]:
    """Cells that a single report names, each once, and what it measured of them [dBm]; no censored levels."""
    column = report.feature_names.index("rsrp")
    level, cell = report.features[:, column], cells_of_tokens(report, deployment)
    usable = np.isfinite(level) & (report.censored[:, column] == 0) & (cell >= 0) & (report.beam < 0)
    found, first = np.unique(cell[usable], return_index=True)
    return found, level[usable][first]


def cells_of_tokens(reports: Reports, deployment: Deployment) -> Int[np.ndarray, " token"]:
    """The cell that each token is of, the nearest one that it may be; −1 where it is none of the network's."""
    return nearest_candidates(deployment.candidates(reports), reports, deployment)
