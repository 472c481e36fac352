"""Reports whose position is not known, as dense arrays over the cells of a place."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.reports.reports import Reports, require_features
from raylocus.network.reports.token_cells import known_reports, token_cells
from raylocus.network.stack.cell_levels import audible_level
from raylocus.scenes.place import Place

#: Reports below which nothing is fitted, and most that are used: one of each sequence, spread evenly.
FEWEST_REPORTS, MOST_REPORTS = 30, 1000


@dataclass(frozen=True)
class UnlabelledReports:
    """One report of each sequence; NaN is missing."""

    level: Float[np.ndarray, "report cell"]
    """RSRP [dBm]."""
    above: Bool[np.ndarray, "report cell"]
    """Levels at the upper end of their range: the cell is at least so strong."""
    audible: Float[np.ndarray, " report"]
    """Level below which a cell cannot be in the report [dBm]."""
    strongest: Float[np.ndarray, " report"]
    """Highest level in the report [dBm]."""
    serving: Int[np.ndarray, " report"]
    """Index of the serving cell, or of the strongest."""
    timing_advance: Float[np.ndarray, " report"]
    """T_A of the serving cell [steps]."""
    beams: Float[np.ndarray, "report beam"]
    """L1-RSRP of the serving cell's beams [dBm]; differences hold also at the end of their range."""
    report: Int[np.ndarray, " report"]
    """Index of each among all reports."""
    hidden: Bool[np.ndarray, "report cell"]
    """Cells of which nothing is said, not even that they are silent."""

    def select(self, kept: Int[np.ndarray, " kept"] | Bool[np.ndarray, " report"]) -> UnlabelledReports:
        """Some of the reports."""
        return UnlabelledReports(**{each.name: getattr(self, each.name)[kept] for each in fields(self)})

    def without(self, report: Int[np.ndarray, " row"], cell: Int[np.ndarray, " row"]) -> UnlabelledReports:
        """Nothing said of one cell of each of some reports, and of its beams where it serves."""
        level, above, hidden, beams = (
            each.copy() for each in (self.level, self.above, self.hidden, self.beams)
        )
        level[report, cell], above[report, cell], hidden[report, cell] = np.nan, False, True
        beams[report[self.serving[report] == cell]] = np.nan
        return replace(self, level=level, above=above, hidden=hidden, beams=beams)


def unlabelled_reports(
    reports: Reports, place: Place, network: NetworkConfiguration = NetworkConfiguration()
) -> UnlabelledReports:
    """Gathers the last report of each sequence; positions are not looked at.

    Raises:
        InputError: the reports lack RSRP, or are too few to say anything.
        PlaceError: the place has none of the reports' cells.
    """
    require_features(reports, ("rsrp",), "calibration reads")
    known = known_reports(reports, place.deployment).reports
    dense = _Dense.of(known, place)
    used = known.last_report[np.isfinite(dense.level[known.last_report]).any(axis=1)]
    if len(used) < FEWEST_REPORTS:
        raise InputError(
            f"{len(used)} sequences that name a cell of the place are too few to calibrate by without positions; "
            f"give at least {FEWEST_REPORTS}"
        )
    if len(used) > MOST_REPORTS:
        used = used[np.linspace(0, len(used) - 1, MOST_REPORTS).astype(int)]
    level = dense.level[used]
    return UnlabelledReports(
        level=level,
        above=dense.above[used],
        audible=audible_level(level, place.deployment.carrier, network),
        strongest=np.nanmax(level, axis=1),
        serving=dense.serving[used],
        timing_advance=dense.timing_advance[used],
        beams=dense.beams[used],
        report=used,
        hidden=np.zeros(level.shape, bool),
    )


@dataclass(frozen=True)
class _Dense:
    level: Float[np.ndarray, "report cell"]
    above: Bool[np.ndarray, "report cell"]
    serving: Int[np.ndarray, " report"]
    timing_advance: Float[np.ndarray, " report"]
    beams: Float[np.ndarray, "report beam"]

    @classmethod
    def of(cls, reports: Reports, place: Place) -> _Dense:
        """All reports by cell and beam."""
        cell, report = token_cells(reports, place.deployment), reports.report_of_token
        column = dict(zip(reports.feature_names, reports.features.T, strict=True))
        at_end = reports.censored[:, reports.feature_names.index("rsrp")] > 0
        count, cells = len(reports.time), len(place.deployment.cells)
        whole = reports.beam < 0
        level, above = np.full((count, cells), np.nan), np.zeros((count, cells), bool)
        level[report[whole], cell[whole]] = column["rsrp"][whole]
        above[report[whole], cell[whole]] = at_end[whole]
        serving = np.where(np.isfinite(level), level, -np.inf).argmax(axis=1)
        serving[report[reports.serving]] = cell[reports.serving]
        advance, beams = np.full(count, np.nan), np.full((count, place.deployment.beam_count), np.nan)
        if "timing_advance" in column:
            there = np.flatnonzero(np.isfinite(column["timing_advance"]))
            advance[report[there]] = column["timing_advance"][there]
        if "l1_rsrp" in column:
            own = np.flatnonzero(~whole & (cell == serving[report]))
            beams[report[own], reports.beam[own]] = column["l1_rsrp"][own]
        return cls(level, above, serving, advance, beams)
