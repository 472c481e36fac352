"""Positioning measurements of the serving and neighbour cells of a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.channel.links import Links, column_ports
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.impairments.report_errors import drifts
from raylocus.network.mac.uplink import uplink_timing_error
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.phy.impulse_response import comb_frequencies, frequency_response
from raylocus.network.positioning.angles import arrival_cosine, azimuth_of_cosine
from raylocus.network.positioning.timing_measurements import (
    receive_transmit_differences,
    reference_signal_time_difference,
    relative_time_of_arrival,
    reported_angle,
    reported_timing,
)
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.ragged import Rows
from raylocus.scenes.sites import Deployment
from raylocus.units import from_decibel, timing_advance_step

#: Subcarriers over which an angle of arrival is averaged.
ANGLE_SUBCARRIERS = 16


def uplink_angles(
    links: Links, heard: HeardCells, deployment: Deployment, random: RandomSource
) -> Float[np.ndarray, "report slot"]:
    """UL-AoA azimuths [degrees] in steps of 0.1; NaN where a panel has one column or detects no path."""
    carrier = deployment.carrier
    frequencies = comb_frequencies(carrier.resource_blocks, carrier.numerology)
    frequencies = frequencies[:: max(len(frequencies) // ANGLE_SUBCARRIERS, 1)][:ANGLE_SUBCARRIERS]
    widest = max(cell.array.columns for cell in deployment.cells)
    noise = complex_normal((*heard.cells.shape, len(frequencies), widest), random)
    angles = np.full(heard.cells.shape, np.nan)
    for index, cell in enumerate(deployment.cells):
        rows, slots = np.nonzero((heard.cells == index) & ~np.isnan(heard.uplink_snr_db))
        if not len(rows) or cell.array.columns < 2:
            continue
        field = links.transfer[rows, cell.site, :, 0, 0]
        ports = (column_ports(links.departure[rows, cell.site], cell) * field[..., None]).swapaxes(1, 2)
        response = frequency_response(links.delay[rows, cell.site], ports, frequencies).swapaxes(1, 2)
        snr = from_decibel(heard.uplink_snr_db[rows, slots]) / cell.array.columns
        own = noise[rows, slots, :, : cell.array.columns]
        azimuth = azimuth_of_cosine(_noisy_cosine(response, snr, own), heard.boresight[rows, slots])
        angles[rows, slots] = np.rad2deg(azimuth)
    return reported_angle(angles, -180.0)


def _noisy_cosine(
    response: Complex[np.ndarray, "link subcarrier column"],
    snr: Float[np.ndarray, " link"],
    noise: Complex[np.ndarray, "link subcarrier column"],
) -> Float[np.ndarray, " link"]:
    """Direction cosine of the strongest arrival at an SNR per column; NaN where nothing arrives."""
    power = np.mean(np.abs(response) ** 2, axis=(1, 2), keepdims=True)
    present = power > 0
    scaled = np.divide(response, np.sqrt(power), out=np.zeros_like(response), where=present)
    cosine = arrival_cosine(scaled + noise / np.sqrt(snr)[:, None, None])
    return np.where(present[:, 0, 0], cosine, np.nan)


@dataclass(frozen=True)
class PositioningReport:
    """Positioning features of the cells of each report, all but levels as reported; NaN where undetected."""

    prs_rsrp: Float[np.ndarray, "report slot"]
    rstd: Float[np.ndarray, "report slot"]
    ue_rx_tx: Float[np.ndarray, "report slot"]
    gnb_rx_tx: Float[np.ndarray, "report slot"]
    ul_rtoa: Float[np.ndarray, "report slot"]
    ul_aoa: Float[np.ndarray, "report slot"]
    srs_rsrp: Float[np.ndarray, "report slot"]
    carrier_phase: Float[np.ndarray, "report slot"]
    time_of_arrival: Float[np.ndarray, "report slot"]


@dataclass(frozen=True)
class TimingOffsets:
    """What clocks and the hardware of both ends add to times [s]."""

    site_clock: Float[np.ndarray, "report slot"]
    """Error of the site's clock."""
    site_receive: Float[np.ndarray, "report slot"]
    """Group delay of the site's receiver."""
    site_transmit: Float[np.ndarray, "report slot"]
    ue_receive: Float[np.ndarray, " report"]
    ue_transmit: Float[np.ndarray, " report"]
    """Transmit timing error of the UE."""
    ue_drift: Float[np.ndarray, " report"]
    """Error of the UE's clock."""


def positioning_report(
    delays: tuple[Float[np.ndarray, "report slot"], Float[np.ndarray, "report slot"]],
    phase: Float[np.ndarray, "report slot"],
    ul_aoa: Float[np.ndarray, "report slot"],
    heard: HeardCells,
    offsets: TimingOffsets,
    numerology: int,
    granularity: int,
) -> PositioningReport:
    """All positioning measurements of the heard cells.

    Delays are of the first paths of each cell's PRS at the UE and of the UE's SRS at each cell [s], NaN where none is
    measured; phases and angles in degrees. Times are reported in steps of 2^k Tc, k the granularity.
    """
    (downlink, uplink), clock = delays, offsets.site_clock
    sent = downlink + offsets.site_transmit
    rstd = reference_signal_time_difference(sent, np.zeros(len(sent), np.int64), clock)
    # A UE sends its frame when the serving cell's arrives, less the advance that it was given.
    step = timing_advance_step(numerology)
    ahead = np.nan_to_num(downlink[:, 0] - step * np.round(2 * uplink[:, 0] / step))
    frame = ahead + offsets.ue_transmit + offsets.ue_drift
    at_ue, at_site = sent + offsets.ue_receive[:, None], uplink + offsets.site_receive
    ue_side, site_side = receive_transmit_differences(at_ue, at_site, clock, frame)
    rtoa = relative_time_of_arrival(at_site, clock, offsets.ue_transmit)
    return PositioningReport(
        prs_rsrp=np.where(np.isnan(downlink), np.nan, heard.measured_rsrp),
        rstd=reported_timing(_neighbours(rstd), granularity),
        ue_rx_tx=reported_timing(ue_side, granularity),
        gnb_rx_tx=reported_timing(site_side, granularity),
        ul_rtoa=reported_timing(rtoa, granularity),
        ul_aoa=ul_aoa,
        srs_rsrp=np.where(np.isnan(uplink), np.nan, heard.uplink_rsrp),
        carrier_phase=_neighbours(reported_angle(phase - phase[:, :1], 0.0)),
        time_of_arrival=at_ue + clock - offsets.ue_drift[:, None],
    )


def timing_offsets(
    site_clock: Float[np.ndarray, "report slot"],
    trajectories: Trajectories,
    numerology: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> TimingOffsets:
    """Draws the errors of a batch: group delays of UEs and their drift once for a sequence."""
    errors, count = configuration.timing_errors, (len(trajectories.time),)
    site_delay = errors.trp_group_delay * random.standard_normal((*site_clock.shape, 2))
    first = Rows(trajectories.report_offsets).first
    drift = drifts(trajectories.report_offsets, configuration.clocks, random)
    return TimingOffsets(
        site_clock=site_clock,
        site_receive=site_delay[..., 1],
        site_transmit=site_delay[..., 0],
        ue_receive=(errors.ue_group_delay * random.standard_normal(count))[first],
        ue_transmit=uplink_timing_error(count, numerology, random),
        # A UE's frame was aligned at the last SSB, or when its sequence began.
        ue_drift=drift * np.minimum(trajectories.time, configuration.ssb_period),
    )


def _neighbours(values: Float[np.ndarray, "report slot"]) -> Float[np.ndarray, "report slot"]:
    """Values of the neighbours only: the serving cell, which they refer to, has none."""
    out = values.copy()
    out[:, 0] = np.nan
    return out
