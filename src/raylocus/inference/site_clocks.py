"""Clocks of sites in times of arrival: what reports say of them, and reports without them.

RSTD is later by how late a site sends, a relative time of arrival at the site earlier (TS 38.305 §8.12, §8.13). Where
a report has both, or a round trip, clocks cancel and nothing is to be learned.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from raylocus.inference.corrected_levels import cells_of_tokens
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT

#: Sign of a clock in each feature that has it.
SIGNS = {"rstd": 1.0, "ul_rtoa": -1.0}
#: Of the UE's half of a round trip, in which clocks cancel.
ROUND_TRIP = "ue_rx_tx"


def heard_arrivals(
    report: Reports, deployment: Deployment
) -> tuple[Int[np.ndarray, " site"], Float[np.ndarray, " site"], float]:
    """Sites of which a single report has times, each once, these times as lengths [m], and the sign of clocks in them.

    Nothing where clocks cancel. What all times have in common is any length.
    """
    columns = {name: _column(report, name) for name in (*SIGNS, ROUND_TRIP)}
    timed = {name: time for name, time in columns.items() if np.isfinite(time).any()}
    if len(timed) != 1 or ROUND_TRIP in timed:
        return np.zeros(0, np.int64), np.zeros(0), 1.0
    ((name, time),) = timed.items()
    if name == "rstd":
        # It refers to the serving cell, whose own difference is 0 and not reported.
        time = np.where(report.serving & np.isnan(time), 0.0, time)
    cell = cells_of_tokens(report, deployment)
    used = np.isfinite(time) & (cell >= 0) & (report.beam < 0)
    site, row = np.unique(deployment.site_of_cell[cell[used]], return_inverse=True)
    mean = np.bincount(row.reshape(-1), time[used], len(site)) / np.bincount(
        row.reshape(-1), minlength=len(site)
    )
    return site, mean * SPEED_OF_LIGHT, SIGNS[name]


def without_clocks(reports: Reports, deployment: Deployment, clock: Float[np.ndarray, " site"]) -> Reports:
    """Reports whose times are less the clocks of their sites [m]; those of unknown cells stay as they are."""
    if not clock.any() or not any(name in reports.feature_names for name in SIGNS):
        return reports
    cell = cells_of_tokens(reports, deployment)
    known = cell >= 0
    late = np.where(known, clock[deployment.site_of_cell[cell]], 0.0) / SPEED_OF_LIGHT
    served = np.zeros(len(reports.time))
    serving = reports.serving & known & (reports.beam < 0)
    served[reports.report_of_token[serving]] = late[serving]
    features = reports.features.copy()
    for name, own in (("rstd", late - served[reports.report_of_token]), ("ul_rtoa", -late)):
        if name in reports.feature_names:
            features[:, reports.feature_names.index(name)] -= np.where(known, own, 0.0)
    return dataclasses.replace(reports, features=features)


def _column(report: Reports, name: str) -> Float[np.ndarray, " token"]:
    """A feature; NaN where the report has it not."""
    if name not in report.feature_names:
        return np.full(len(report.pci), np.nan)
    return report.features[:, report.feature_names.index(name)]
