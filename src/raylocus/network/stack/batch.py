"""One batch of reports through all layers, in the order in which a network gets to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.network.availability import absent_features, occurred
from raylocus.network.chance import Chance
from raylocus.network.channel import ChannelState
from raylocus.network.features import CRITICAL, Feature, feature_set
from raylocus.network.mac.power_headroom import downlink_path_loss, transmit_power
from raylocus.network.mac.timing_advance import commanded_timing_advance
from raylocus.network.mobility import Trajectories
from raylocus.network.phy.cell_levels import CellMeasurements, strongest_beams
from raylocus.network.report_mapping import reported_beam_sinr
from raylocus.network.reports import Reports
from raylocus.network.rrc.events import event_conditions
from raylocus.network.rrc.handover import HandoverHistory, handover_history
from raylocus.network.rrc.serving import neighbour_cells
from raylocus.network.stack.bearer_report import bearer_report
from raylocus.network.stack.columns import LayerReports, SessionReport, complete_reports
from raylocus.network.stack.configuration import StackConfiguration
from raylocus.network.stack.csi_report import csi_report, with_estimation_errors
from raylocus.network.stack.departure import departure_azimuths
from raylocus.network.stack.downlink import Downlink, cell_energy, filtered
from raylocus.network.stack.links import Links
from raylocus.network.stack.positioning_report import HeardCells, Moments, positioning_report
from raylocus.network.tokens import ReportContent
from raylocus.scenes.sites import Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, noise_per_resource_element


@dataclass(frozen=True)
class Batch:
    """Reports that were sent, and the truth behind them."""

    links: Links
    state: ChannelState
    downlink: Downlink
    velocity: Float[np.ndarray, "report 3"]
    bias: Float[np.ndarray, "report"]
    """Level error of the UE [dB]."""
    trajectories: Trajectories
    clock_offset: Float[np.ndarray, "site"]
    antennas: Deployment
    """The deployment with the antennas as they really are."""


def observe_batch(
    batch: Batch, deployment: Deployment, configuration: StackConfiguration, chance: Chance
) -> Reports:
    """The complete reports of a batch."""
    walked, downlink = batch.trajectories, batch.downlink
    levels = filtered(
        downlink.measured, walked.time, walked.report_offsets, configuration.report.filter_coefficient
    )
    history = handover_history(levels.rsrp, walked.time, walked.report_offsets, configuration.handover)
    heard = _heard_cells(batch, levels, history, deployment, configuration, chance)
    best = _best_amplitude(downlink, heard)
    moments = Moments(walked.time, walked.report_offsets, batch.clock_offset)
    positioning = positioning_report(batch.links, heard, best, moments, batch.antennas, configuration, chance)
    reports, serving = np.arange(len(walked.time)), history.serving
    rsrp, sinr = levels.rsrp[reports, serving], levels.sinr[reports, serving]
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
    energy = cell_energy(deployment)[serving]
    bearer = bearer_report(
        rsrp + batch.bias,
        energy,
        csi.layer_sinr_db,
        np.nan_to_num(csi.ri, nan=1.0),
        deployment.carrier,
        configuration,
        chance,
    )
    advance, command = _timing(positioning.serving_delay, history, batch, deployment, configuration)
    beams, level = strongest_beams(
        downlink.rsrp_beam[reports, serving],
        min(configuration.report.most_beams, deployment.beam_count),
        configuration.observation.beam_noise_db,
        chance,
    )
    with np.errstate(invalid="ignore"):
        entering = event_conditions(rsrp, levels.rsrp, configuration.handover)[0].any(axis=1)
    interference = rsrp - sinr
    session = SessionReport(
        timing_command=command,
        event=np.where(entering, 3.0, 0.0),
        handovers=history.count.astype(float),
        stay=history.stay,
        snr=heard.measured_snr_db[:, 0],
        dl_aod=departure_azimuths(beams, level, serving, deployment),
        l1_sinr=reported_beam_sinr(level - interference[:, None]),
    )
    features = feature_set(configuration.feature_set)
    present = _present(features, batch, deployment, configuration, chance)
    content = _content(batch, levels, heard, (advance, beams, level), present, deployment)
    layers = LayerReports(csi, positioning, bearer, session)
    return complete_reports(content, layers, features, present, walked, deployment)


def _heard_cells(
    batch: Batch,
    levels: CellMeasurements,
    history: HandoverHistory,
    deployment: Deployment,
    configuration: StackConfiguration,
    chance: Chance,
) -> HeardCells:
    """Serving cell and reported neighbours, with the levels of their down- and uplink."""
    named = chance.random(levels.rsrp.shape) >= configuration.observation.neighbour_dropout
    neighbours = neighbour_cells(
        np.where(named, levels.rsrp, np.nan), history.serving, configuration.report.most_cells
    )
    cells = np.concatenate([history.serving[:, None], neighbours], axis=1)
    held = np.maximum(cells, 0)
    level = np.where(np.isnan(batch.state.rsrp_beam), -np.inf, batch.state.rsrp_beam).max(axis=2)
    rsrp = np.take_along_axis(level, held, axis=1)
    rsrp = np.where((cells >= 0) & np.isfinite(rsrp), rsrp, np.nan)
    gain = rsrp - cell_energy(deployment)[held]
    carrier, blocks = deployment.carrier, configuration.sounding_signal.resource_blocks
    loss = downlink_path_loss(
        levels.rsrp[np.arange(len(held)), history.serving], cell_energy(deployment)[history.serving]
    )
    power = transmit_power(loss, blocks, carrier.numerology, configuration.power_control)
    elements = SUBCARRIERS_PER_RESOURCE_BLOCK * blocks / configuration.sounding_signal.comb
    received = power[:, None] - 10 * np.log10(elements) + gain
    noise = noise_per_resource_element(carrier.numerology, configuration.base_station_noise_figure_db)
    columns = np.array([cell.array.columns for cell in deployment.cells])[held]
    error = configuration.level_noise_db * chance.standard_normal((*cells.shape, 2))
    single = np.where(np.isnan(batch.downlink.rsrp_beam), -np.inf, batch.downlink.rsrp_beam).max(axis=2)
    measured = np.take_along_axis(single, held, axis=1) + batch.bias[:, None] + error[..., 0]
    uplink = received + error[..., 1]
    return HeardCells(
        cells=cells,
        rsrp=rsrp,
        uplink_snr_db=received - noise,
        measured_rsrp=np.where(np.isnan(rsrp) | ~np.isfinite(measured), np.nan, measured),
        measured_snr_db=uplink - noise,
        uplink_rsrp=uplink - 10 * np.log10(columns),
        boresight=np.array([cell.azimuth for cell in deployment.cells])[held],
    )


def _best_amplitude(downlink: Downlink, heard: HeardCells) -> np.ndarray:
    """Path amplitudes (report, slot, path) of the strongest beam of every heard cell, vertical at the UE."""
    rows = np.arange(len(heard.cells))[:, None]
    amplitude = downlink.amplitude[rows, np.maximum(heard.cells, 0), 0]
    strongest = (np.abs(amplitude) ** 2).sum(axis=-1).argmax(axis=-1)
    return np.take_along_axis(amplitude, strongest[:, :, None, None], axis=2)[:, :, 0]


def _timing(
    delay: Float[np.ndarray, "report"],
    history: HandoverHistory,
    batch: Batch,
    deployment: Deployment,
    configuration: StackConfiguration,
) -> tuple[Float[np.ndarray, "report"], Float[np.ndarray, "report"]]:
    """N_TA in steps and the command of each report; access anew at every handover."""
    offsets = batch.trajectories.report_offsets
    changed = np.flatnonzero(np.diff(history.count, prepend=0) > 0)
    access = np.unique(np.concatenate([offsets[:-1], changed])).astype(np.int64)
    advance, command = commanded_timing_advance(
        delay, access, offsets, deployment.carrier.numerology, configuration.timing_loop
    )
    return advance, np.where(command == 0, np.nan, command.astype(float))


def _present(
    features: tuple[Feature, ...],
    batch: Batch,
    deployment: Deployment,
    configuration: StackConfiguration,
    chance: Chance,
) -> Bool[np.ndarray, "report feature"]:
    """Which features each report has: by set-up, protocol timing and chance."""
    observation, walked = configuration.observation, batch.trajectories
    shares = dict(
        zip(
            CRITICAL,
            (1.0, 1.0, observation.sinr_share, observation.beam_share, observation.timing_advance_share),
            strict=True,
        )
    )
    share = np.array([shares.get(feature.name, 1 - configuration.dropout) for feature in features])
    present = chance.random((len(walked.time), len(features))) < share
    absent = {each.name for each in absent_features(features, deployment, configuration.capability)}
    headroom = occurred(walked.time, walked.report_offsets, configuration.headroom_period, chance)
    for index, feature in enumerate(features):
        present[:, index] &= feature.name not in absent
        if feature.name == "power_headroom":
            present[:, index] &= headroom
    return present


def _content(
    batch: Batch,
    levels: CellMeasurements,
    heard: HeardCells,
    timing_and_beams: tuple[np.ndarray, np.ndarray, np.ndarray],
    present: Bool[np.ndarray, "report feature"],
    deployment: Deployment,
) -> ReportContent:
    """The critical features of every report, biased by the UE."""
    advance, beams, level = timing_and_beams
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
        timing_advance=np.where(with_advance, advance, np.nan),
        beams=beams,
        l1_rsrp=np.where(with_beams[:, None], level + bias, np.nan),
        line_of_sight=(sight >= 0.5).astype(np.float64),
    )
