"""`observe`: from the channel at UEs to the reports that a network has of them."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.channel import ChannelState
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.features import FEATURE_INDEX, FEATURES
from raylocus.network.impairments import device_bias, faded, kept
from raylocus.network.mac.timing_advance import measured_timing_advance
from raylocus.network.mobility import Trajectories
from raylocus.network.phy.cell_levels import CellMeasurements, detected_cells, measure_cells, strongest_beams
from raylocus.network.reports import Reports
from raylocus.network.rrc.filtering import l3_filter
from raylocus.network.rrc.serving import neighbour_cells, serving_cells
from raylocus.network.tokens import ReportContent, reports_of
from raylocus.scenes.sites import Deployment


def observe(
    state: ChannelState,
    trajectories: Trajectories,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    generator: np.random.Generator,
) -> Reports:
    """The reports that a network has of UEs.

    A report in which the UE finds no cell is never sent, and a sequence without any report is left
    out, so there may be fewer of both than in the trajectories.

    Args:
        state: channel of one world at the trajectories' positions.
        trajectories: where the UEs are and when they report.
        deployment: sites and cells; the state's axes follow it.
        configuration: the law of observation, at the world's severity.
        generator: source of all chance.
    """
    bias = device_bias(trajectories.report_offsets, configuration.device_bias_db, generator)
    state = faded(state, configuration.receiver_noise_db, generator)
    measured = measure_cells(state, deployment.carrier, configuration.load, configuration.noise_figure_db)
    measured = measured.masked(detected_cells(measured, configuration))
    sent = np.flatnonzero(~np.isnan(measured.rsrp).all(axis=1))
    trajectories = keep_reports(trajectories, sent)
    filtered = _filtered(_select(measured, sent), trajectories, configuration.filter_coefficient)
    content = _report_content(
        state.select(sent),
        filtered,
        trajectories.report_offsets,
        bias[sent],
        deployment,
        configuration,
        generator,
    )
    return reports_of(content, trajectories, deployment)


def keep_reports(trajectories: Trajectories, reports: Int[np.ndarray, "kept"]) -> Trajectories:
    """Trajectories of some of the reports (ascending); sequences left with none are dropped.

    Time starts anew at each sequence's first report that is kept.
    """
    sequence = np.repeat(np.arange(len(trajectories)), np.diff(trajectories.report_offsets))[reports]
    lengths = np.bincount(sequence, minlength=len(trajectories))
    lengths = lengths[lengths > 0]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    time = trajectories.time[reports]
    return Trajectories(
        offsets, time - np.repeat(time[offsets[:-1]], lengths), trajectories.position[reports]
    )


def _select(measured: CellMeasurements, reports: Int[np.ndarray, "kept"]) -> CellMeasurements:
    return CellMeasurements(measured.rsrp[reports], measured.rsrq[reports], measured.sinr[reports])


def _filtered(measured: CellMeasurements, trajectories: Trajectories, coefficient: int) -> CellMeasurements:
    layers = (measured.rsrp, measured.rsrq, measured.sinr)
    return CellMeasurements(
        *(l3_filter(layer, trajectories.time, trajectories.report_offsets, coefficient) for layer in layers)
    )


def _report_content(
    state: ChannelState,
    filtered: CellMeasurements,
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    bias: Float[np.ndarray, "report"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
    generator: np.random.Generator,
) -> ReportContent:
    """What each report holds, before it is mapped to report indices."""
    reports = np.arange(len(bias))
    serving = serving_cells(filtered.rsrp, report_offsets, configuration.handover_hysteresis_db)
    named = kept(filtered.rsrp.shape, 1 - configuration.neighbour_dropout, generator)
    neighbours = neighbour_cells(
        np.where(named, filtered.rsrp, np.nan), serving, configuration.most_neighbours
    )
    beams, l1_rsrp = strongest_beams(
        state.rsrp_beam[reports, serving], configuration.most_beams, configuration.beam_noise_db, generator
    )
    site = deployment.site_of_cell[serving]
    advance = measured_timing_advance(
        state.delay[reports, site], configuration.timing_noise, deployment.carrier.numerology, generator
    )
    with_sinr, with_advance, with_beams = (
        kept((len(bias),), configuration.availability_of(FEATURES[FEATURE_INDEX[name]]), generator)
        for name in ("sinr", "timing_advance", "l1_rsrp")
    )
    return ReportContent(
        cells=np.concatenate([serving[:, None], neighbours], axis=1),
        measured=dataclasses.replace(
            filtered,
            rsrp=filtered.rsrp + bias[:, None],
            sinr=np.where(with_sinr[:, None], filtered.sinr, np.nan),
        ),
        timing_advance=np.where(with_advance, advance, np.nan),
        beams=beams,
        l1_rsrp=np.where(with_beams[:, None], l1_rsrp + bias[:, None], np.nan),
        line_of_sight=(state.line_of_sight[reports, site] >= 0.5).astype(np.float64),
    )
