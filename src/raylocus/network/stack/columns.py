"""From measurements of all layers to the tokens of `Reports`: which value goes to which row and column."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.features import CRITICAL, Feature
from raylocus.network.mobility import Trajectories
from raylocus.network.report_mapping import reported
from raylocus.network.reports import Reports
from raylocus.network.stack.beams import BeamReport
from raylocus.network.stack.csi_report import CsiReport
from raylocus.network.stack.delay_profile import DelayProfile
from raylocus.network.stack.downlink_bearer import DownlinkBearer
from raylocus.network.stack.positioning_report import PositioningReport
from raylocus.network.stack.session import SessionReport
from raylocus.network.stack.uplink_bearer import UplinkBearer
from raylocus.network.tokens import ReportContent, reports_of
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class LayerReports:
    """What every layer has to say of a batch of reports; a feature is a field of its name in one of them."""

    csi: CsiReport
    positioning: PositioningReport
    bearer: DownlinkBearer
    uplink: UplinkBearer
    beams: BeamReport
    profile: DelayProfile
    session: SessionReport | None = None
    """None until the timing advance of the positioning report has made it."""


def complete_reports(
    content: ReportContent,
    layers: LayerReports,
    features: tuple[Feature, ...],
    present: Bool[np.ndarray, "report feature"],
    trajectories: Trajectories,
    deployment: Deployment,
) -> Reports:
    """Reports of the critical features with the others beside them.

    Args:
        content: the critical features.
        layers: the other features, by the name of their field.
        features: columns; the critical ones first.
        present: which features each report has.
        trajectories: of the reports that were sent.
        deployment: sites and cells.
    """
    reports = reports_of(content, trajectories, deployment)
    cells = content.cells >= 0
    beams = ~np.isnan(content.l1_rsrp)
    valid = np.concatenate([cells, beams], axis=1)
    extra = np.full((*valid.shape, len(features) - len(CRITICAL)), np.nan)
    for index, feature in enumerate(features[len(CRITICAL) :]):
        values = np.where(_rows(present[:, len(CRITICAL) + index], feature), _values(layers, feature), np.nan)
        _place(extra[..., index], values, feature, cells.shape[1])
    columns = np.concatenate([reports.features, extra[valid]], axis=1)
    censored = np.zeros(columns.shape, np.int8)
    censored[:, : len(CRITICAL)] = reports.censored
    for index, feature in enumerate(features):
        if index >= len(CRITICAL):
            columns[:, index], censored[:, index] = _mapped(columns[:, index], feature)
    names = tuple(feature.name for feature in features)
    return dataclasses.replace(reports, features=columns, censored=censored, feature_names=names)


def _rows(present: Bool[np.ndarray, "report"], feature: Feature) -> Bool[np.ndarray, "..."]:
    return present if feature.token == "serving" else present[:, None]


def _values(layers: LayerReports, feature: Feature) -> Float[np.ndarray, "..."]:
    for field in dataclasses.fields(layers):
        layer = getattr(layers, field.name)
        if hasattr(layer, feature.name):
            return np.asarray(getattr(layer, feature.name), np.float64)
    raise NotImplementedError(f"no layer measures the feature {feature.name!r} of the schema")


def _place(
    column: Float[np.ndarray, "report slot"], values: Float[np.ndarray, "..."], feature: Feature, cells: int
) -> None:
    if feature.token == "serving":
        column[:, 0] = values
    elif feature.token == "cell":
        column[:, :cells] = values
    else:
        column[:, cells:] = values


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
