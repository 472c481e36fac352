"""Positioning measurements of the serving and neighbour cells of a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.network.chance import Chance, complex_normal
from raylocus.network.clocks import clock_error, drifts
from raylocus.network.mac.timing_advance import uplink_timing_error
from raylocus.network.phy.frequency_response import comb_frequencies, comb_response, frequency_response
from raylocus.network.phy.time_of_arrival import first_path_delay, noisy_response
from raylocus.network.positioning.angles import arrival_cosine, azimuth_of_cosine
from raylocus.network.positioning.carrier_phase import carrier_phase, phase_difference
from raylocus.network.positioning.timing_codes import (
    decode_azimuth,
    decode_phase,
    encode_azimuth,
    encode_phase,
    reported_timing,
)
from raylocus.network.positioning.timing_measurements import group_delays
from raylocus.network.report_tables import PRS_RSRP, SRS_RSRP, ReportTable
from raylocus.network.stack.configuration import StackConfiguration
from raylocus.network.stack.links import Links, column_ports
from raylocus.scenes.sites import Deployment
from raylocus.units import from_decibel, noise_per_resource_element, timing_advance_step

#: Every this many subcarriers are worked with: delays up to 1/(4Δf) stay unambiguous, and the power of the
#: others is counted as integration gain.
DECIMATION = 4
#: Subcarriers over which an angle of arrival is averaged.
ANGLE_SUBCARRIERS = 16


@dataclass(frozen=True)
class HeardCells:
    """The cells of each report, serving first, and the levels that positioning works at."""

    cells: Int[np.ndarray, "report slot"]
    """Cell indices; −1 where there is none."""
    rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam, as it is."""
    uplink_snr_db: Float[np.ndarray, "report slot"]
    """SNR of SRS in one resource element at the gNB, its array combined [dB]."""
    measured_rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam in one occasion as the UE measures it, biased and noisy."""
    measured_snr_db: Float[np.ndarray, "report slot"]
    """The uplink SNR as the gNB estimates it [dB]."""
    uplink_rsrp: Float[np.ndarray, "report slot"]
    """UL SRS-RSRP [dBm] of one column as the gNB measures it."""
    boresight: Float[np.ndarray, "report slot"]
    """Azimuth that the operator believes each cell's antenna to have [rad]."""


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
    serving_delay: Float[np.ndarray, "report"]
    """Delay that the serving cell detects on SRS [s], which timing advance follows; not a feature."""


def unit_response(
    delay: Float[np.ndarray, "report slot path"],
    amplitude: Complex[np.ndarray, "report slot path"],
    frequencies: Float[np.ndarray, "subcarrier"],
) -> Complex[np.ndarray, "report slot subcarrier"]:
    """Frequency responses whose paths' powers sum to 1; 0 where there is no path."""
    power = (np.abs(amplitude) ** 2).sum(axis=-1, keepdims=True)
    scaled = np.divide(amplitude, np.sqrt(power), out=np.zeros_like(amplitude), where=power > 0)
    return comb_response(delay, scaled, frequencies)


def detected_delays(
    response: Complex[np.ndarray, "report slot subcarrier"],
    snr_db: Float[np.ndarray, "report slot"],
    spacing: float,
    configuration: StackConfiguration,
    chance: Chance,
) -> tuple[Float[np.ndarray, "report slot"], Complex[np.ndarray, "report slot subcarrier"]]:
    """First-path delays [s] that a receiver detects at an SNR per subcarrier, and what it measured."""
    lit = (response != 0).any(axis=-1) & ~np.isnan(snr_db)
    noise = np.where(lit, from_decibel(-np.nan_to_num(snr_db)), 1.0).astype(np.float32)
    received = noisy_response(response, noise[..., None], chance).astype(np.complex64)
    found = first_path_delay(received, noise, spacing, configuration.detector)
    return np.where(lit, found, np.nan), received


@dataclass(frozen=True)
class Moments:
    """When reports are made, by clocks that are off."""

    time: Float[np.ndarray, "report"]
    """s."""
    report_offsets: Int[np.ndarray, "sample_plus_1"]
    """Reports of each sequence."""
    clock_offset: Float[np.ndarray, "site"]
    """How late each site sends [s]."""


def positioning_report(
    links: Links,
    heard: HeardCells,
    best_amplitude: Complex[np.ndarray, "report slot path"],
    moments: Moments,
    deployment: Deployment,
    configuration: StackConfiguration,
    chance: Chance,
) -> PositioningReport:
    """All positioning measurements of the heard cells.

    Args:
        links: paths of all sites.
        heard: cells and levels.
        best_amplitude: path amplitudes of each heard cell's best beam.
        moments: times of the reports, and the sites' clocks.
        deployment: sites and cells.
        configuration: signals, detector, clocks and granularity.
        chance: source of all chance.
    """
    exists = heard.cells >= 0
    site = deployment.site_of_cell[np.maximum(heard.cells, 0)]
    delay = np.where(exists[..., None], np.take_along_axis(links.delay, site[..., None], axis=1), np.nan)
    carrier, signal = deployment.carrier, configuration.positioning_signal
    frequencies = comb_frequencies(signal.resource_blocks, carrier.numerology, DECIMATION)
    noise = noise_per_resource_element(carrier.numerology, configuration.observation.noise_figure_db)
    gain = 10 * np.log10(DECIMATION * signal.integration_gain())
    response, spacing = (
        unit_response(delay, best_amplitude, frequencies),
        float(frequencies[1] - frequencies[0]),
    )
    downlink, received = detected_delays(response, heard.rsrp - noise + gain, spacing, configuration, chance)
    combined = heard.uplink_snr_db + 10 * np.log10(DECIMATION)
    uplink, _ = detected_delays(response, combined, spacing, configuration, chance)
    errors, offset = configuration.timing, moments.clock_offset[site]
    trp = group_delays((*downlink.shape, 2), errors.trp_group_delay, chance)
    group, transmit, drift = _ue_errors(moments, carrier.numerology, configuration, chance)
    step = timing_advance_step(carrier.numerology)
    # The UE sends its frame when the downlink frame arrives, less the advance it was given.
    advance = step * np.round(2 * uplink[:, :1] / step)
    frame = np.nan_to_num(downlink[:, :1] - advance) + (transmit + drift)[:, None]
    arrival = downlink + trp[..., 0] + offset
    ue_side = arrival + group[:, None] - frame
    gnb_side = uplink + trp[..., 1] - offset + frame
    rtoa = uplink + trp[..., 1] - offset + transmit[:, None]
    phase = carrier_phase(received, frequencies, downlink)
    relative = phase_difference(phase, np.broadcast_to(phase[:, :1], phase.shape))
    k = errors.granularity
    return PositioningReport(
        prs_rsrp=_level(np.where(np.isnan(downlink), np.nan, heard.measured_rsrp), PRS_RSRP),
        rstd=reported_timing(_beside_first(arrival), k)[0],
        ue_rx_tx=reported_timing(ue_side, k)[0],
        gnb_rx_tx=reported_timing(gnb_side, k)[0],
        ul_rtoa=reported_timing(rtoa, k)[0],
        ul_aoa=uplink_angles(links, heard, deployment, chance),
        srs_rsrp=_level(np.where(np.isnan(uplink), np.nan, heard.uplink_rsrp), SRS_RSRP),
        carrier_phase=_beside_first(
            np.where(np.isnan(relative), np.nan, _coded_phase(relative)), blank_only=True
        ),
        serving_delay=uplink[:, 0],
    )


def _ue_errors(
    moments: Moments, numerology: int, configuration: StackConfiguration, chance: Chance
) -> tuple[Float[np.ndarray, "report"], Float[np.ndarray, "report"], Float[np.ndarray, "report"]]:
    """Group delay (one draw a UE), transmit timing error and clock error of the UE at each report [s]."""
    count = (len(moments.time),)
    first = np.repeat(moments.report_offsets[:-1], np.diff(moments.report_offsets))
    group = group_delays(count, configuration.timing.ue_group_delay, chance)[first]
    drift = drifts(moments.report_offsets, configuration.clocks, chance)
    late = clock_error(moments.time, drift, configuration.ssb_period)
    return group, uplink_timing_error(count, numerology, chance), late


def _level(level: Float[np.ndarray, "report slot"], table: ReportTable) -> Float[np.ndarray, "report slot"]:
    return table.reported(level)[0]


def _coded_phase(phase: Float[np.ndarray, "report slot"]) -> Float[np.ndarray, "report slot"]:
    return decode_phase(encode_phase(np.nan_to_num(phase)))


def _beside_first(
    values: Float[np.ndarray, "report slot"], blank_only: bool = False
) -> Float[np.ndarray, "report slot"]:
    """Values less the serving cell's, which itself has none: it is the reference."""
    out = values.copy() if blank_only else values - values[:, :1]
    out[:, 0] = np.nan
    return out


def uplink_angles(
    links: Links, heard: HeardCells, deployment: Deployment, chance: Chance
) -> Float[np.ndarray, "report slot"]:
    """UL-AoA azimuths [degrees] of every heard cell from its columns, in steps of 0.1."""
    carrier = deployment.carrier
    frequencies = comb_frequencies(carrier.resource_blocks, carrier.numerology, 1)
    chosen = frequencies[:: max(len(frequencies) // ANGLE_SUBCARRIERS, 1)][:ANGLE_SUBCARRIERS]
    widest = max(cell.array.columns for cell in deployment.cells)
    noise = complex_normal((*heard.cells.shape, len(chosen), widest), chance)
    angles = np.full(heard.cells.shape, np.nan)
    for index, cell in enumerate(deployment.cells):
        rows, slots = np.nonzero((heard.cells == index) & ~np.isnan(heard.uplink_snr_db))
        delay = links.delay[rows, cell.site]
        if not len(rows) or cell.array.columns < 2:
            continue
        field = links.transfer[rows, cell.site, :, 0, 0]
        ports = (column_ports(links.departure[rows, cell.site], cell) * field[..., None]).swapaxes(1, 2)
        response = frequency_response(delay, ports, chosen).swapaxes(1, 2)
        power = np.mean(np.abs(response) ** 2, axis=(1, 2), keepdims=True)
        snr = from_decibel(heard.uplink_snr_db[rows, slots])[:, None, None] / cell.array.columns
        lit = power > 0
        scaled = np.divide(response, np.sqrt(power), out=np.zeros_like(response), where=lit)
        snapshots = scaled + noise[rows, slots, :, : cell.array.columns] / np.sqrt(snr)
        azimuth = azimuth_of_cosine(arrival_cosine(snapshots), heard.boresight[rows, slots])
        angles[rows, slots] = np.where(lit[:, 0, 0], np.rad2deg(azimuth), np.nan)
    coded = decode_azimuth(encode_azimuth(np.nan_to_num(angles)))
    return np.where(np.isnan(angles), np.nan, coded)
