"""From measurements of all layers to the tokens of `Reports`: which value goes to which row and column."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.reports.features import CRITICAL, Feature
from raylocus.network.reports.report_mapping import reported
from raylocus.network.reports.reports import Reports
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.beams import BeamReport
from raylocus.network.stack.csi_report import CsiReport
from raylocus.network.stack.delay_profile import DelayProfile
from raylocus.network.stack.downlink_bearer import DownlinkBearer
from raylocus.network.stack.positioning_report import PositioningReport
from raylocus.network.stack.session import AdvanceReport, SessionReport
from raylocus.network.stack.tokens import ReportContent, reports_of
from raylocus.network.stack.uplink_bearer import UplinkBearer

#: Layers of `Batch` by name, each with the rows of `features.csv` that it fills; `ReportContent` has the critical ones.
LAYERS: dict[str, Any] = {
    "content": ReportContent,
    "advance": AdvanceReport,
    "session": SessionReport,
    "beam_quality": BeamReport,
    "positioning": PositioningReport,
    "csi": CsiReport,
    "bearer": DownlinkBearer,
    "uplink": UplinkBearer,
    "profile": DelayProfile,
}
#: The layer that fills each row.
SOURCES = {row: layer for layer, report in LAYERS.items() for row in report.ROWS}
#: Layers that follow from single paths.
PATH_LAYERS = ("positioning", "csi", "bearer", "uplink", "profile")


def complete_reports(
    content: ReportContent,
    batch: Batch,
    features: tuple[Feature, ...],
    present: Bool[np.ndarray, "report feature"],
) -> Reports:
    """Reports of the critical features and, after them, the others.

    Args:
        content: the critical features.
        batch: the layers of the others.
        features: columns; the critical ones first.
        present: which features each report has.
    """
    reports = reports_of(content, batch.trajectories, batch.deployment)
    if len(features) == len(CRITICAL):
        return reports
    slots = content.cells.shape[1]
    valid = np.concatenate([content.cells >= 0, ~np.isnan(content.l1_rsrp)], axis=1)
    columns, censored = [reports.features], [reports.censored]
    for index, feature in enumerate(features[len(CRITICAL) :], start=len(CRITICAL)):
        layer = getattr(batch, SOURCES[feature.name])
        values = np.asarray(getattr(layer, feature.name), np.float64)
        values = np.where(_rows(present[:, index], feature), values, np.nan)
        values, ends = _mapped(_laid_out(values, feature, valid.shape, slots)[valid], feature)
        columns.append(values[:, None])
        censored.append(ends[:, None])
    names = tuple(feature.name for feature in features)
    features_of_all = np.concatenate(columns, axis=1)
    return dataclasses.replace(
        reports, features=features_of_all, censored=np.concatenate(censored, axis=1), feature_names=names
    )


def _rows(present: Bool[np.ndarray, "report"], feature: Feature) -> Bool[np.ndarray, "..."]:
    return present if feature.token == "serving" else present[:, None]


def _laid_out(
    values: Float[np.ndarray, "..."], feature: Feature, shape: tuple[int, int], cells: int
) -> Float[np.ndarray, "report slot"]:
    """Values of a feature in the slots of a report: its cells, then its beams."""
    out = np.full(shape, np.nan)
    if feature.token == "serving":
        out[:, 0] = values
    elif feature.token == "cell":
        out[:, :cells] = values
    else:
        out[:, cells:] = values
    return out


def _mapped(
    values: Float[np.ndarray, "token"], feature: Feature
) -> tuple[Float[np.ndarray, "token"], Int[np.ndarray, "token"]]:
    """Values in the feature's steps; those of tables of their own, and those not mapped, only held in range.

    Censored are the values at the ends of the range of a table, which decode to the ends themselves.
    """
    if feature.unit in ("dB", "dBm") and feature.step:
        return reported(values, feature)
    with np.errstate(invalid="ignore"):
        ends = (values >= feature.high).astype(np.int8) - (values <= feature.low)
    mapped = feature.unit in ("dB", "s") and not feature.step and feature.layer in ("mac", "positioning")
    return values, np.where(np.isnan(values) | (not mapped), 0, ends).astype(np.int8)
