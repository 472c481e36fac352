"""From measurements of all layers to the tokens of `Reports`: one a cell, then one a beam of the serving cell."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.availability import COLUMN_FEATURES, absent_features, occurred
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.random_streams import ReportStreams
from raylocus.network.reports.features import CRITICAL, FEATURE_INDEX, FEATURES, ReportFeature, reported_in
from raylocus.network.reports.report_mapping import edges_of, reported, reported_beams
from raylocus.network.reports.reports import Reports
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.cell_levels import CellMeasurements
from raylocus.ragged import Rows
from raylocus.scenes.sites import Deployment
from raylocus.units import slot_duration


def occasion_periods(configuration: NetworkConfiguration, numerology: int) -> dict[str, float]:
    """Period [s] of what renews features: CSI and SRS are configured in slots, PRS in 2^μ slots, timers in seconds."""
    slot, subframe = slot_duration(numerology), slot_duration(0)
    return {
        "csi": configuration.report.csi_period * slot,
        "prs": configuration.positioning_signal.period * subframe,
        "srs": configuration.sounding_signal.period * slot,
        "phr": configuration.headroom_period,
        "bsr": configuration.buffer_status_period,
    }


def present_features(
    features: tuple[ReportFeature, ...],
    trajectories: Trajectories,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    random: ReportStreams,
) -> Bool[np.ndarray, "report feature"]:
    """Which of the features each report has.

    A feature is gone for good where band, antennas or UE cannot give it; it is missing from a report
    where its occasion (CSI, PRS or SRS period, PHR or BSR timer) did not come since the last one, and from
    the others except for its availability. What one occasion gives comes and goes together: whatever has the
    smaller availability comes only with what has the larger.
    """
    time, offsets = trajectories.time, trajectories.report_offsets
    periods = occasion_periods(configuration, deployment.carrier.numerology)
    absent = dict(absent_features(features, deployment, configuration.capability))
    present = np.zeros((len(time), len(features)), bool)
    for index, feature in enumerate(features):
        if feature.name in absent:
            continue
        drawn = random.of(f"presence {feature.occasion or feature.name}").random(time.shape)
        present[:, index] = drawn < configuration.availability.get(feature.name, feature.availability)
        if feature.occasion:
            phase = random.of(f"phase {feature.occasion}").random(time.shape)
            present[:, index] &= occurred(time, offsets, periods[feature.occasion], phase)
    return present


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


#: Layers of `Batch`, and the rows of `features.csv` that each fills.
LAYERS = {
    "advance": ("timing_command",),
    "session": ("event", "handovers", "stay"),
    "beam_quality": ("l1_sinr", "snr", "dl_aod"),
    "positioning": (
        *("prs_rsrp", "rstd", "ue_rx_tx", "gnb_rx_tx", "ul_rtoa", "ul_aoa", "srs_rsrp"),
        *("carrier_phase", "time_of_arrival"),
    ),
    "csi": (*COLUMN_FEATURES, "delay_spread", "doppler_spread"),
    "bearer": (
        *("mcs", "bler", "harq_nack", "spectral_efficiency", "throughput", "frame_error_rate"),
        *("bearer_throughput", "rlc_retransmissions", "round_trip", "latency", "jitter"),
    ),
    "uplink": ("power_headroom", "buffer_status", "scheduling_requests"),
    "profile": ("pdp_0", "pdp_1", "pdp_2", "pdp_3"),
}
#: The layer that fills each row; the critical ones are in `ReportContent`.
SOURCES = {name: layer for layer, names in LAYERS.items() for name in names} | dict.fromkeys(
    CRITICAL, "content"
)
#: Layers that follow from single paths.
PATH_LAYERS = ("positioning", "csi", "bearer", "uplink", "profile")


def complete_reports(
    content: ReportContent,
    batch: Batch,
    features: tuple[ReportFeature, ...],
    present: Bool[np.ndarray, "report feature"],
) -> Reports:
    """Reports of the critical features and, after them, the others."""
    reports = reports_of(content, batch.trajectories, batch.deployment)
    if len(features) == len(CRITICAL):
        return reports
    valid, slots = content.valid, content.cells.shape[1]
    places: dict[str, int | slice] = {"serving": 0, "cell": slice(slots), "beam": slice(slots, None)}
    columns, censored = [reports.features], [reports.censored]
    for index, feature in enumerate(features[len(CRITICAL) :], start=len(CRITICAL)):
        values = np.asarray(getattr(batch, SOURCES[feature.name])[feature.name], np.float64)
        there = present[:, index] if feature.token == "serving" else present[:, index, None]
        laid_out = np.full(valid.shape, np.nan)
        laid_out[:, places[feature.token]] = np.where(there, values, np.nan)
        values, ends = _mapped(laid_out[valid], feature)
        columns.append(values[:, None])
        censored.append(ends[:, None])
    return dataclasses.replace(
        reports,
        features=np.concatenate(columns, axis=1),
        censored=np.concatenate(censored, axis=1),
        feature_names=tuple(feature.name for feature in features),
    )


def _mapped(
    values: Float[np.ndarray, " token"], feature: ReportFeature
) -> tuple[Float[np.ndarray, " token"], Int[np.ndarray, " token"]]:
    """Values in the feature's steps; those of tables of their own, and those not mapped, only held in range.

    Censored are the values at the ends of the range of a table, which decode to the ends themselves.
    """
    if feature.unit in ("dB", "dBm") and feature.step:
        return reported(values, edges_of(feature))
    with np.errstate(invalid="ignore"):
        ends = (values >= feature.high).astype(np.int8) - (values <= feature.low)
    mapped = feature.unit in ("dB", "s") and not feature.step and feature.layer in ("mac", "positioning")
    return values, np.where(np.isnan(values) | (not mapped), 0, ends).astype(np.int8)
