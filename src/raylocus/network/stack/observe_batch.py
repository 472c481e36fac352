"""One batch of reports through all layers, in the order in which a network gets to them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool

from raylocus.network.chance import Chance
from raylocus.network.clocks import time_stamps
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.features import CRITICAL, feature_set
from raylocus.network.identities import with_missing_identities, with_wrong_identities
from raylocus.network.phy.cell_levels import CellMeasurements
from raylocus.network.reports import Reports
from raylocus.network.rrc.capability import frequency_range
from raylocus.network.rrc.filtering import MEASUREMENT_PERIODS
from raylocus.network.rrc.handover import handover_history
from raylocus.network.rrc.measurement_configuration import sent_reports
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.beams import BeamReport, beam_report
from raylocus.network.stack.columns import LayerReports, complete_reports
from raylocus.network.stack.csi_report import csi_report, with_estimation_errors
from raylocus.network.stack.delay_profile import delay_profile
from raylocus.network.stack.downlink import cell_energy, filtered
from raylocus.network.stack.downlink_bearer import downlink_bearer
from raylocus.network.stack.heard_cells import HeardCells, heard_cells, named_cells
from raylocus.network.stack.positioning_report import positioning_report
from raylocus.network.stack.presence import present_features
from raylocus.network.stack.session import SessionReport, fired, session_report
from raylocus.network.stack.uplink_bearer import uplink_bearer
from raylocus.network.tokens import ReportContent
from raylocus.scenes.sites import Deployment


def observe_batch(
    batch: Batch, deployment: Deployment, configuration: NetworkConfiguration, chance: Chance
) -> Reports:
    """The complete reports of a batch, those that are never sent left out."""
    walked, filtering = batch.trajectories, configuration.report.filter_coefficient
    period = MEASUREMENT_PERIODS[frequency_range(deployment.carrier.frequency)]
    levels = filtered(batch.downlink.measured, walked.time, walked.report_offsets, filtering, period)
    history = handover_history(levels.rsrp, walked.time, walked.report_offsets, configuration.handover)
    cells = named_cells(levels.rsrp, history, configuration, chance)
    heard = heard_cells(batch, cells, levels, deployment, configuration, chance)
    layers = _layers(batch, levels, heard, deployment, configuration, chance)
    session = session_report(
        levels.rsrp,
        layers.positioning.serving_delay,
        history,
        walked,
        deployment.carrier.numerology,
        configuration,
    )
    layers = dataclasses.replace(layers, session=session)
    features = feature_set(configuration.feature_set)
    present = present_features(features, walked, deployment, configuration, chance)
    content = _content(batch, levels, heard, layers.beams, session, present, deployment)
    reports = complete_reports(content, layers, features, present, walked, deployment)
    reports = _impaired(reports, deployment, configuration, chance)
    if configuration.trigger is None:
        return reports
    due = fired(levels.rsrp, history, walked, configuration.trigger)
    sent = sent_reports(due, walked.time, walked.report_offsets, configuration.report)
    return reports.select_reports(np.flatnonzero(sent))


def _layers(
    batch: Batch,
    levels: CellMeasurements,
    heard: HeardCells,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    chance: Chance,
) -> LayerReports:
    """Every layer's measurements of the serving cell and of positioning's cells; the session is still to come."""
    walked, downlink, carrier = batch.trajectories, batch.downlink, deployment.carrier
    reports, serving = np.arange(len(walked.time)), heard.cells[:, 0]
    rsrp, sinr = levels.rsrp[reports, serving], levels.sinr[reports, serving]
    positioning = positioning_report(batch, heard, configuration, chance)
    csi = csi_report(
        batch.links,
        serving,
        batch.velocity,
        rsrp - sinr,
        downlink.shift_db[reports, serving],
        batch.antennas,
        configuration,
    )
    csi = with_estimation_errors(csi, configuration, chance)
    layers = np.nan_to_num(csi.ri, nan=1.0)
    bearer = downlink_bearer(csi.layer_sinr_db, layers, walked, carrier, configuration, chance)
    energy = cell_energy(deployment)[serving]
    uplink = uplink_bearer(
        rsrp + batch.bias, energy, bearer.throughput, walked, carrier, configuration, chance
    )
    beams = beam_report(downlink.rsrp_beam, heard, rsrp - sinr, deployment, configuration, chance)
    profile = delay_profile(
        batch.links.delay[reports, deployment.site_of_cell[serving]],
        positioning.serving_amplitude,
        positioning.serving_delay,
        heard.uplink_snr_db[:, 0],
        carrier.numerology,
        configuration,
        chance,
    )
    return LayerReports(csi, positioning, bearer, uplink, beams, profile)


def _content(
    batch: Batch,
    levels: CellMeasurements,
    heard: HeardCells,
    beams: BeamReport,
    session: SessionReport,
    present: Bool[np.ndarray, "report feature"],
    deployment: Deployment,
) -> ReportContent:
    """The critical features of every report, biased by the UE."""
    bias = batch.bias[:, None]
    site = deployment.site_of_cell[heard.cells[:, 0]]
    sight = batch.state.line_of_sight[np.arange(len(site)), site]
    sinr, with_beams, with_advance = (
        present[:, CRITICAL.index(name)] for name in ("sinr", "l1_rsrp", "timing_advance")
    )
    return ReportContent(
        cells=heard.cells,
        measured=CellMeasurements(
            levels.rsrp + bias, levels.rsrq, np.where(sinr[:, None], levels.sinr, np.nan)
        ),
        timing_advance=np.where(with_advance, session.timing_advance, np.nan),
        beams=beams.beams,
        l1_rsrp=np.where(with_beams[:, None], beams.level + bias, np.nan),
        line_of_sight=(sight >= 0.5).astype(np.float64),
    )


def _impaired(
    reports: Reports, deployment: Deployment, configuration: NetworkConfiguration, chance: Chance
) -> Reports:
    """Identities that are wrong or missing, and time stamps that are late."""
    reports = with_missing_identities(reports, configuration.identities.missing, chance)
    reports = with_wrong_identities(reports, configuration.identities.wrong, deployment.pcis, chance)
    stamps = time_stamps(reports.time, configuration.clocks, chance)
    first = np.repeat(reports.report_offsets[:-1], np.diff(reports.report_offsets))
    return dataclasses.replace(reports, time=np.maximum(stamps - stamps[first], 0.0))
