"""Reports as dense arrays over the cells of a place: the form that grid methods compute with."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.reports import Reports, require_features
from raylocus.network.reports.token_cells import token_cells
from raylocus.scenes.sites import Deployment
from raylocus.units import timing_advance_distance


@dataclass(frozen=True)
class Observations:
    """What was observed, by report and cell; NaN is missing."""

    rsrp: Float[np.ndarray, "report cell"]
    """SS-RSRP [dBm]."""
    rsrp_end: Int[np.ndarray, "report cell"]
    """1 where the RSRP is the upper end of its range, which says "at least", −1 at the lower, 0 elsewhere."""
    beam_rsrp: Float[np.ndarray, "report beam"]
    """L1-RSRP of the serving cell's beams [dBm]."""
    timing_advance: Float[np.ndarray, " report"]
    """T_A of the serving cell [steps]."""
    serving: Int[np.ndarray, " report"]
    """Index of the serving cell; the strongest reported one where none is marked."""
    time: Float[np.ndarray, " report"]
    """Seconds since the first report of the sequence."""
    report_offsets: Int[np.ndarray, " sample_plus_1"]
    """Reports of sequence i are `report_offsets[i]:report_offsets[i + 1]`."""

    def __len__(self) -> int:
        return len(self.report_offsets) - 1

    @property
    def all(self) -> Int[np.ndarray, " report"]:
        """Index of each report."""
        return np.arange(len(self.time))

    def sequences(self, start: int, stop: int) -> Observations:
        """Those of the sequences `start` to `stop` (exclusive), or to the last."""
        offsets = self.report_offsets[start : stop + 1]
        rows = slice(offsets[0], offsets[-1])
        # All columns but the offsets, which are the last.
        columns = {each.name: getattr(self, each.name)[rows] for each in fields(self)[:-1]}
        return Observations(**columns, report_offsets=offsets - offsets[0])

    @property
    def last(self) -> Int[np.ndarray, " sample"]:
        """Index of each sequence's last report."""
        return self.report_offsets[1:] - 1

    @property
    def heard(self) -> Int[np.ndarray, " report"]:
        """Number of cells with an RSRP."""
        return np.isfinite(self.rsrp).sum(axis=1)


#: Features that are gathered.
OBSERVED = ("rsrp", "l1_rsrp", "timing_advance")


def observations(reports: Reports, deployment: Deployment) -> Observations:
    """Gathers the tokens of reports over the cells of the deployment they were made in.

    Raises:
        InputError: the reports lack a column of `OBSERVED`.
        PlaceError: the reports name a PCI that the deployment does not have.
    """
    require_features(reports, OBSERVED, "the classics and the bound read")
    cell, report = token_cells(reports, deployment), reports.report_of_token
    rsrp_column, beam_column, advance_column = (reports.feature_names.index(name) for name in OBSERVED)
    whole, beams = np.flatnonzero(reports.beam < 0), np.flatnonzero(reports.beam >= 0)
    rsrp = np.full((len(reports.time), len(deployment.cells)), np.nan)
    rsrp[report[whole], cell[whole]] = reports.features[whole, rsrp_column]
    end = np.zeros(rsrp.shape, np.int8)
    end[report[whole], cell[whole]] = reports.censored[whole, rsrp_column]
    beam_rsrp = np.full((len(rsrp), deployment.beam_count), np.nan)
    beam_rsrp[report[beams], reports.beam[beams]] = reports.features[beams, beam_column]
    timed = np.flatnonzero(reports.present[:, advance_column])
    timing_advance = np.full(len(rsrp), np.nan)
    timing_advance[report[timed]] = reports.features[timed, advance_column]
    serving = np.where(np.isfinite(rsrp), rsrp, -np.inf).argmax(axis=1)
    serving[report[reports.serving]] = cell[reports.serving]
    return Observations(rsrp, end, beam_rsrp, timing_advance, serving, reports.time, reports.report_offsets)


def advance_distances(
    observed: Observations, reports: Int[np.ndarray, " chosen"], deployment: Deployment
) -> Float[np.ndarray, " chosen"]:
    """Distance [m] that the timing advance of some reports stands for, by the numerology of their serving cells."""
    steps = np.array([timing_advance_distance(carrier.numerology) for carrier in deployment.carriers])
    serving = deployment.carrier_of_cell[observed.serving[reports]]
    return observed.timing_advance[reports] * steps[serving]


def cell_feature(reports: Reports, deployment: Deployment, name: str) -> Float[np.ndarray, "report cell"]:
    """One feature of whole cells, by report and cell; NaN where it is missing or no column of the reports.

    Raises:
        PlaceError: the reports name a PCI that the deployment does not have.
    """
    found = np.full((len(reports.time), len(deployment.cells)), np.nan)
    if name in reports.feature_names:
        whole = reports.beam < 0
        cell, report = token_cells(reports, deployment)[whole], reports.report_of_token[whole]
        found[report, cell] = reports.features[whole, reports.feature_names.index(name)]
    return found
