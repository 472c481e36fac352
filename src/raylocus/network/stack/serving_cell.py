"""What a network knows of the serving cell: handovers and events, timing advance, beams and power delay profile."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import xarray as xr
from jaxtyping import Bool, Complex, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.uplink import TimingLoop, commanded_timing_advance
from raylocus.network.movement.trajectories import Trajectories
from raylocus.network.phy.impulse_response import channel_taps, power_delay_profile
from raylocus.network.positioning.angles import departure_azimuth
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.network.reports.features import feature_values
from raylocus.network.rrc.events import Event, event_conditions, triggered
from raylocus.network.rrc.handover import HandoverHistory
from raylocus.propagation.antennas.antennas import beam_gains
from raylocus.ragged import Rows
from raylocus.scenes.sites import AntennaArray, Carrier, Deployment, ElementPattern
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    subcarrier_spacing,
    to_decibel,
)


def session_report(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    trajectories: Trajectories,
    events: tuple[Event, ...],
) -> xr.Dataset:
    """Events and handovers at every report, by L3-filtered levels [dBm]."""
    numbers = [int(each.kind[1:]) * fired(rsrp, history, trajectories, each) for each in events]
    event = np.max([np.zeros(len(rsrp)), *numbers], axis=0)
    return feature_values(event=event, handovers=history.count.astype(float), stay=history.stay)


def advance_report(
    delay: Float[np.ndarray, " report"],
    history: HandoverHistory,
    trajectories: Trajectories,
    carrier: Carrier,
    loop: TimingLoop,
) -> xr.Dataset:
    """Timing advance at every report: measured at access and after handovers, then kept up.

    `delay` is that of the UE's SRS at its serving cell [s]; NaN where it is not heard.
    """
    access, offsets = np.flatnonzero(np.diff(history.count, prepend=0) > 0), trajectories.report_offsets
    advance, command = commanded_timing_advance(delay, access, offsets, carrier, loop)
    command = np.where(command == 0, np.nan, command.astype(float))
    return feature_values(timing_advance=advance, timing_command=command)


def fired(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    trajectories: Trajectories,
    event: Event,
) -> Bool[np.ndarray, " report"]:
    """Whether an event fires at each report, for any neighbour of the cell that served up to it.

    A handover follows the report of its event, so the event is seen from the cell that is left.
    """
    reports = np.arange(len(rsrp))
    own = history.serving[np.maximum(reports - 1, Rows(trajectories.report_offsets).first)]
    others = rsrp.copy()
    others[reports, own] = np.nan
    entering, leaving = event_conditions(rsrp[reports, own], others, event)
    fires, _ = triggered(
        entering, leaving, trajectories.time, trajectories.report_offsets, event.time_to_trigger
    )
    return np.any(fires, axis=1)


#: Taps that are reported, 1/B apart from the detected first path on, and those that their powers are relative to.
REPORTED_TAPS, PROFILE_TAPS = 4, 16


def delay_profile(
    delay: Float[np.ndarray, "report path"],
    amplitude: Complex[np.ndarray, "report path"],
    first: Float[np.ndarray, " report"],
    snr_db: Float[np.ndarray, " report"],
    numerology: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> xr.Dataset:
    """Power of the first taps relative to the whole profile [dB]; NaN where no path is detected.

    `first` is the delay of the path that the gNB detected first [s], `snr_db` that of SRS in one resource element.
    """
    subcarriers = SUBCARRIERS_PER_RESOURCE_BLOCK * configuration.sounding_signal.resource_blocks
    bandwidth = subcarriers * subcarrier_spacing(numerology)
    known = ~np.isnan(first) & ~np.isnan(snr_db)
    taps = channel_taps(delay, amplitude, bandwidth, PROFILE_TAPS, np.nan_to_num(first))
    power = np.sum(np.abs(taps) ** 2, axis=-1, keepdims=True)
    # The subcarriers' noise is spread over as many taps as there are subcarriers.
    pilots = subcarriers / configuration.sounding_signal.comb
    deviation = np.sqrt(from_decibel(-np.nan_to_num(snr_db)) / pilots)
    noise = deviation[:, None] * complex_normal(taps.shape, random)
    scaled = np.divide(taps, np.sqrt(power), out=np.zeros_like(taps), where=power > 0)
    profile = power_delay_profile((scaled + noise)[None])
    share = profile / profile.sum(axis=-1, keepdims=True)
    seen = np.where((known & (power[:, 0] > 0))[:, None], to_decibel(share), np.nan)
    return feature_values(**{f"pdp_{tap}": seen[:, tap] for tap in range(REPORTED_TAPS)})


#: Azimuths either side of boresight [rad] among which DL-AoD chooses: 0.5° apart.
DEPARTURE_CANDIDATES = np.deg2rad(np.arange(-75.0, 75.1, 0.5))


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
