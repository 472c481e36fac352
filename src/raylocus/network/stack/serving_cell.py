"""What is read off the serving cell alone: beams (L1-RSRP, L1-SINR, departure angle) and its power delay profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.impulse_response import channel_taps, power_delay_profile
from raylocus.network.positioning.angles import departure_azimuth
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.network.reports.report_mapping import reported_beam_sinr
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.scenes.sites import AntennaArray, Deployment, ElementPattern
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    subcarrier_spacing,
    to_decibel,
)

#: Taps that are reported, 1/B apart from the detected first path on, and those that their powers are relative to.
REPORTED_TAPS, PROFILE_TAPS = 4, 16


@dataclass(frozen=True)
class DelayProfile:
    """Power of taps 0 to 3 relative to the whole profile [dB]; NaN where no path is detected."""

    pdp_0: Float[np.ndarray, " report"]
    pdp_1: Float[np.ndarray, " report"]
    pdp_2: Float[np.ndarray, " report"]
    pdp_3: Float[np.ndarray, " report"]


def delay_profile(
    delay: Float[np.ndarray, "report path"],
    amplitude: Complex[np.ndarray, "report path"],
    first: Float[np.ndarray, " report"],
    snr_db: Float[np.ndarray, " report"],
    numerology: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> DelayProfile:
    """The profile of every report.

    `first` is the delay of the path that the gNB detected first [s], `snr_db` that of SRS in one resource element.
    """
    subcarriers = SUBCARRIERS_PER_RESOURCE_BLOCK * configuration.sounding_signal.resource_blocks
    bandwidth = subcarriers * subcarrier_spacing(numerology)
    known = ~np.isnan(first) & ~np.isnan(snr_db)
    taps = channel_taps(delay, amplitude, bandwidth, PROFILE_TAPS, np.nan_to_num(first))
    power = np.sum(np.abs(taps) ** 2, axis=-1, keepdims=True)
    # The subcarriers' noise is spread over as many taps as there are subcarriers.
    pilots = subcarriers / configuration.sounding_signal.comb
    noise = np.sqrt(from_decibel(-np.nan_to_num(snr_db)) / pilots)[:, None] * complex_normal(
        taps.shape, random
    )
    scaled = np.divide(taps, np.sqrt(power), out=np.zeros_like(taps), where=power > 0)
    profile = power_delay_profile((scaled + noise)[None])
    share = profile / profile.sum(axis=-1, keepdims=True)
    seen = np.where((known & (power[:, 0] > 0))[:, None], to_decibel(share), np.nan)
    return DelayProfile(*seen[:, :REPORTED_TAPS].T)


#: Azimuths either side of boresight [rad] among which DL-AoD chooses: 0.5° apart.
DEPARTURE_CANDIDATES = np.deg2rad(np.arange(-75.0, 75.1, 0.5))


@dataclass(frozen=True)
class BeamReport:
    """What is read off the reported beams of the serving cell."""

    l1_sinr: Float[np.ndarray, "report reported"]
    snr: Float[np.ndarray, " report"]
    dl_aod: Float[np.ndarray, " report"]


def beam_report(
    beams: Int[np.ndarray, "report reported"],
    level: Float[np.ndarray, "report reported"],
    heard: HeardCells,
    interference_dbm: Float[np.ndarray, " report"],
    deployment: Deployment,
) -> BeamReport:
    """The beams of every report.

    Beams come strongest first; L1-RSRP is as measured, the UE's bias apart [dBm]; interference is of one resource
    element.
    """
    return BeamReport(
        l1_sinr=reported_beam_sinr(level - interference_dbm[:, None]),
        snr=heard.measured_snr_db[:, 0],
        dl_aod=departure_azimuths(beams, level, heard.cells[:, 0], deployment),
    )


def departure_azimuths(
    beams: Int[np.ndarray, "report reported"],
    level: Float[np.ndarray, "report reported"],
    serving: Int[np.ndarray, " report"],
    deployment: Deployment,
) -> Float[np.ndarray, " report"]:
    """DL-AoD of the serving cell from the L1-RSRPs of its reported beams, by its known beam patterns."""
    full = np.full((len(beams), deployment.beam_count), np.nan)
    np.put_along_axis(full, beams, level, axis=1)
    answer = np.full(len(beams), np.nan)
    for index in np.unique(serving):
        cell, own = deployment.cells[index], serving == index
        pattern = _beam_pattern_db(cell.array, cell.pattern)
        answer[own] = departure_azimuth(full[own][:, : cell.array.beams], DEPARTURE_CANDIDATES, pattern)
        answer[own] += cell.azimuth
    return np.angle(np.exp(1j * answer))


@lru_cache
def _beam_pattern_db(array: AntennaArray, element: ElementPattern) -> Float[np.ndarray, "angle beam"]:
    """Gain of every beam at the horizon [dB], where a tilt would be the same for all; 40 dB deep at most."""
    candidates = DEPARTURE_CANDIDATES
    direction = np.stack([np.cos(candidates), np.sin(candidates), np.zeros_like(candidates)], axis=1)
    pattern = to_decibel(beam_gains(direction, 0.0, 0.0, array, element))
    return np.maximum(np.nan_to_num(pattern, nan=-np.inf), np.nanmax(pattern) - 40)
