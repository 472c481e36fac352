"""Positioning measurements of the serving and neighbour cells of a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.chance import Chance
from raylocus.network.clocks import clock_error, drifts
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.timing_advance import uplink_timing_error
from raylocus.network.mobility import Trajectories
from raylocus.network.positioning.carrier_phase import carrier_phase, phase_difference
from raylocus.network.positioning.timing_codes import decode_phase, encode_phase, reported_timing
from raylocus.network.positioning.timing_measurements import (
    group_delays,
    receive_transmit_differences,
    reference_signal_time_difference,
    relative_time_of_arrival,
)
from raylocus.network.report_tables import PRS_RSRP, SRS_RSRP
from raylocus.network.stack.arrivals import Arrivals, detected_arrivals
from raylocus.network.stack.batch import Batch
from raylocus.network.stack.heard_cells import HeardCells, best_amplitudes
from raylocus.network.stack.uplink_angles import uplink_angles
from raylocus.units import timing_advance_step


@dataclass(frozen=True)
class PositioningReport:
    """Positioning features of the cells of each report, as reported; NaN where undetected."""

    prs_rsrp: Float[np.ndarray, "report slot"]
    rstd: Float[np.ndarray, "report slot"]
    ue_rx_tx: Float[np.ndarray, "report slot"]
    gnb_rx_tx: Float[np.ndarray, "report slot"]
    ul_rtoa: Float[np.ndarray, "report slot"]
    ul_aoa: Float[np.ndarray, "report slot"]
    srs_rsrp: Float[np.ndarray, "report slot"]
    carrier_phase: Float[np.ndarray, "report slot"]
    serving_amplitude: Complex[np.ndarray, "report path"]
    """Path amplitudes of the serving cell's best beam; not a feature."""
    serving_delay: Float[np.ndarray, "report"]
    """Delay that the serving cell detects on SRS [s], which timing advance follows; not a feature."""


@dataclass(frozen=True)
class TimingOffsets:
    """What the hardware of both ends and the UE's clock add to times [s]."""

    site_receive: Float[np.ndarray, "report slot"]
    """Group delay of the site's receiver."""
    site_transmit: Float[np.ndarray, "report slot"]
    ue_receive: Float[np.ndarray, "report"]
    ue_transmit: Float[np.ndarray, "report"]
    """Transmit timing error of the UE."""
    ue_drift: Float[np.ndarray, "report"]
    """Error of the UE's clock."""


def positioning_report(
    batch: Batch, heard: HeardCells, configuration: NetworkConfiguration, chance: Chance
) -> PositioningReport:
    """All positioning measurements of the heard cells.

    Args:
        batch: paths, path amplitudes, times, clocks and antennas.
        heard: cells and levels.
        configuration: signals, detector, clocks and granularity.
        chance: source of all chance.
    """
    deployment, walked = batch.antennas, batch.trajectories
    amplitude = best_amplitudes(batch.downlink, heard.cells)
    arrivals = detected_arrivals(batch.links, heard, amplitude, deployment, configuration, chance)
    site_clock = batch.clock_offset[deployment.site_of_cell[np.maximum(heard.cells, 0)]]
    numerology = deployment.carrier.numerology
    offsets = timing_offsets(heard.cells.shape[1], walked, numerology, configuration, chance)
    downlink = arrivals.downlink + offsets.site_transmit
    uplink = arrivals.uplink + offsets.site_receive
    reference = np.zeros(len(downlink), np.int64)
    rstd = reference_signal_time_difference(downlink, reference, site_clock)
    ue_side, site_side = receive_transmit_differences(
        downlink + offsets.ue_receive[:, None],
        uplink,
        site_clock,
        _transmit_frame(arrivals, offsets, numerology),
    )
    rtoa = relative_time_of_arrival(uplink, site_clock, offsets.ue_transmit)
    k = configuration.timing_errors.granularity
    return PositioningReport(
        prs_rsrp=PRS_RSRP.reported(_where_detected(heard.measured_rsrp, arrivals.downlink))[0],
        rstd=reported_timing(_neighbours(rstd), k)[0],
        ue_rx_tx=reported_timing(ue_side, k)[0],
        gnb_rx_tx=reported_timing(site_side, k)[0],
        ul_rtoa=reported_timing(rtoa, k)[0],
        ul_aoa=uplink_angles(batch.links, heard, deployment, chance),
        srs_rsrp=SRS_RSRP.reported(_where_detected(heard.uplink_rsrp, arrivals.uplink))[0],
        carrier_phase=_neighbours(_reported_phase(arrivals)),
        serving_amplitude=amplitude[:, 0],
        serving_delay=arrivals.uplink[:, 0],
    )


def timing_offsets(
    slots: int,
    trajectories: Trajectories,
    numerology: int,
    configuration: NetworkConfiguration,
    chance: Chance,
) -> TimingOffsets:
    """Draws the errors of a batch: group delays of UEs and their drift once for a sequence."""
    errors, count = configuration.timing_errors, (len(trajectories.time),)
    site_delay = group_delays((*count, slots, 2), errors.trp_group_delay, chance)
    first = np.repeat(trajectories.report_offsets[:-1], np.diff(trajectories.report_offsets))
    drift = drifts(trajectories.report_offsets, configuration.clocks, chance)
    return TimingOffsets(
        site_receive=site_delay[..., 1],
        site_transmit=site_delay[..., 0],
        ue_receive=group_delays(count, errors.ue_group_delay, chance)[first],
        ue_transmit=uplink_timing_error(count, numerology, chance),
        ue_drift=clock_error(trajectories.time, drift, configuration.ssb_period),
    )


def _transmit_frame(
    arrivals: Arrivals, offsets: TimingOffsets, numerology: int
) -> Float[np.ndarray, "report"]:
    """When the UE sends its frame [s]: when the serving cell's arrives, less the advance it was given."""
    step = timing_advance_step(numerology)
    advance = step * np.round(2 * arrivals.uplink[:, 0] / step)
    return np.nan_to_num(arrivals.downlink[:, 0] - advance) + offsets.ue_transmit + offsets.ue_drift


def _reported_phase(arrivals: Arrivals) -> Float[np.ndarray, "report slot"]:
    """DL carrier phase differences to the serving cell [degrees], in steps of 0.1."""
    phase = carrier_phase(arrivals.received, arrivals.frequencies, arrivals.downlink)
    relative = phase_difference(phase, np.broadcast_to(phase[:, :1], phase.shape))
    coded = decode_phase(encode_phase(np.nan_to_num(relative)))
    return np.where(np.isnan(relative), np.nan, coded)


def _where_detected(
    level: Float[np.ndarray, "report slot"], delay: Float[np.ndarray, "report slot"]
) -> Float[np.ndarray, "report slot"]:
    return np.where(np.isnan(delay), np.nan, level)


def _neighbours(values: Float[np.ndarray, "report slot"]) -> Float[np.ndarray, "report slot"]:
    """Values of the neighbours only: the serving cell, which they refer to, has none."""
    out = values.copy()
    out[:, 0] = np.nan
    return out
