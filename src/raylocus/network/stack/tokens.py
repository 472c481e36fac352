"""Laying reports out as tokens: one a cell, then one a beam of the serving cell."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.reports.features import FEATURE_INDEX, FEATURES, reported_in
from raylocus.network.reports.report_mapping import edges_of, reported, reported_beams
from raylocus.network.reports.reports import Reports
from raylocus.network.stack.cell_levels import CellMeasurements
from raylocus.ragged import Rows
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class ReportContent:
    """What every report holds, as measured."""

    cells: Int[np.ndarray, "report slot"]
    """Cell indices: the serving one, then neighbours; −1 where there is none."""
    measured: CellMeasurements
    """Levels of all cells; NaN where a quantity is not in the report."""
    timing_advance: Float[np.ndarray, " report"]
    """T_A of the serving cell; NaN where not in the report."""
    beams: Int[np.ndarray, "report reported"]
    """SSB indices of the serving cell, strongest first."""
    l1_rsrp: Float[np.ndarray, "report reported"]
    """L1-RSRP [dBm] of these beams; NaN where not in the report."""
    line_of_sight: Float[np.ndarray, " report"]
    """1 where the serving site is in line of sight."""

    @property
    def valid(self) -> Bool[np.ndarray, "report slot"]:
        """Which slots of a report, its cells and then its beams, are in it."""
        return np.concatenate([self.cells >= 0, ~np.isnan(self.l1_rsrp)], axis=1)

    def where(self, present: Bool[np.ndarray, "report feature"]) -> ReportContent:
        """The same with the features of `CRITICAL` in the reports that have them, and NaN elsewhere."""
        *levels, beams, advance = present.T
        return dataclasses.replace(
            self,
            measured=self.measured.where(*(each[:, None] for each in levels)),
            l1_rsrp=np.where(beams[:, None], self.l1_rsrp, np.nan),
            timing_advance=np.where(advance, self.timing_advance, np.nan),
        )


def reports_of(content: ReportContent, trajectories: Trajectories, deployment: Deployment) -> Reports:
    """Reports in 3GPP steps. Order in a report: serving cell, neighbours, beams of the serving cell.

    A UE knows the serving cell's identity from SIB1 (TS 38.331 §5.2.2.4.2), a neighbour's only where it is asked to
    read it.
    """
    valid, slots = content.valid, content.cells.shape[1]
    own = np.broadcast_to(content.cells[:, :1], content.beams.shape)
    cells = np.concatenate([content.cells, own], axis=1)[valid]
    slot = np.broadcast_to(np.arange(valid.shape[1]), valid.shape)[valid]
    serving, names = (slot == 0) | (slot >= slots), deployment.cell_table
    features, censored = _features(content, deployment.carrier.technology)
    return Reports(
        report_offsets=trajectories.report_offsets,
        token_offsets=Rows.of(valid.sum(axis=1)).offsets,
        time=trajectories.time,
        position=trajectories.position,
        line_of_sight=content.line_of_sight,
        pci=deployment.pcis[cells],
        technology=names.technology[names.carrier[cells]],
        channel=names.channel[names.carrier[cells]],
        identity=np.where(serving, names.identity[cells], -1),
        serving=serving,
        beam=np.concatenate([np.full(content.cells.shape, -1), content.beams], axis=1)[valid],
        features=features[valid],
        censored=censored[valid],
    )


def _features(
    content: ReportContent, technology: str
) -> tuple[Float[np.ndarray, "report slot feature"], Int[np.ndarray, "report slot feature"]]:
    """Decoded values in the slots of reports, and where they are censored."""
    cell, slots = np.maximum(content.cells, 0), content.cells.shape[1]
    features = np.full((*content.valid.shape, len(FEATURES)), np.nan)
    censored = np.zeros(features.shape, np.int8)
    ranges = [reported_in(feature, technology) for feature in FEATURES]
    for name in ("rsrp", "rsrq", "sinr"):
        column = FEATURE_INDEX[name]
        level = np.take_along_axis(getattr(content.measured, name), cell, axis=1)
        features[:, :slots, column], censored[:, :slots, column] = reported(level, edges_of(ranges[column]))
    column = FEATURE_INDEX["timing_advance"]
    features[:, 0, column] = content.timing_advance
    censored[:, 0, column] = content.timing_advance == ranges[column].high
    column = FEATURE_INDEX["l1_rsrp"]
    features[:, slots:, column], censored[:, slots:, column] = reported_beams(content.l1_rsrp)
    return features, censored
