"""Timing measurements of positioning, RSTD, Rx−Tx, RTOA, and the carrier's phase, and their report mappings.

TS 38.133 §10.1.23, §10.1.25, §13. Timing is in Tc with a granularity of 2^k Tc, k = −6..5 (Rel-18; 0..5 before).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.errors import InputError
from raylocus.units import SPEED_OF_LIGHT, TC

#: Range of RSTD, Rx−Tx and RTOA [Tc]: ±985 024.
TIMING_LIMIT = 985_024
GRANULARITIES = range(-6, 6)
#: Step of reported angles and carrier phases [degrees].
ANGLE_STEP = 0.1


def reported_timing(time: Float[np.ndarray, "*shape"], granularity: int) -> Float[np.ndarray, "*shape"]:
    """What the network reads of RSTD, Rx−Tx or RTOA [s]: centres of half-open bins of 2^k Tc from −985024 Tc on.

    Beyond either end it is the end itself, which stays censored; NaN stays NaN.

    Raises:
        InputError: k is outside −6..5.
    """
    if granularity not in GRANULARITIES:
        raise InputError(f"the reporting granularity k is −6 to 5, not {granularity}")
    step = 2.0**granularity
    code = np.floor((time / TC + TIMING_LIMIT) / step)
    return np.clip((code + 0.5) * step - TIMING_LIMIT, -TIMING_LIMIT, TIMING_LIMIT) * TC


def reported_angle(angle: Float[np.ndarray, "*shape"], low: float) -> Float[np.ndarray, "*shape"]:
    """Bin centre of an azimuth or a carrier phase [degrees], wrapped to [low, low + 360) in steps of 0.1; NaN stays.

    Azimuths begin at −180 (§13.4), phases at 0 (UL-RSCP, §13.8).
    """
    steps = round(360 / ANGLE_STEP)
    code = np.floor((angle - low) % 360.0 / ANGLE_STEP + 1e-9) % steps
    return (code + 0.5) * ANGLE_STEP + low


@dataclass(frozen=True)
class TimingErrors:
    """Errors of the clocks and of the hardware's group delay."""

    synchronisation: float = 50e-9
    """Standard deviation of a TRP's clock [s], cut at twice this (TR 38.855 T1; value unverified)."""
    trp_group_delay: float = 2e-9
    """Standard deviation of what calibration leaves of a TRP's receive or transmit delay [s]; not a rule."""
    ue_group_delay: float = 5e-9
    """The same of a UE, one draw for its sequence [s]; not a rule."""
    granularity: int = 2
    """k: reports are in steps of 2^k Tc."""


def synchronisation_errors(
    sites: int, errors: TimingErrors, generator: np.random.Generator
) -> Float[np.ndarray, " site"]:
    """Clock offset [s] of each TRP: Gaussian of σ = T1, no further out than 2·T1 (TR 38.855)."""
    offsets = generator.standard_normal(4 * sites + 32)
    inside = offsets[np.abs(offsets) <= 2.0]
    return errors.synchronisation * inside[:sites]


def reference_signal_time_difference(
    arrival: Float[np.ndarray, "report site"],
    reference: Int[np.ndarray, " report"],
    clock_offset: Float[np.ndarray, "*#batch site"],
) -> Float[np.ndarray, "report site"]:
    """RSTD_i = (τ_i + Δ_i) − (τ_ref + Δ_ref) [s]; the UE's own clock and group delay cancel.

    τ is the arrival of each site's PRS [s], NaN where undetected, and Δ how late each TRP sends [s].
    """
    shifted = arrival + clock_offset
    return shifted - np.take_along_axis(shifted, reference[:, None], axis=1)


def relative_time_of_arrival(
    arrival: Float[np.ndarray, "report site"],
    clock_offset: Float[np.ndarray, "*#batch site"],
    uplink_error: Float[np.ndarray, " report"],
) -> Float[np.ndarray, "report site"]:
    """UL-RTOA [s]: the SRS's arrival relative to the TRP's own frame: τ_i − Δ_i + the UE's transmit timing error."""
    return arrival - clock_offset + uplink_error[:, None]


def receive_transmit_differences(
    downlink: Float[np.ndarray, "report site"],
    uplink: Float[np.ndarray, "report site"],
    clock_offset: Float[np.ndarray, "*#batch site"],
    ue_clock: Float[np.ndarray, " report"],
) -> tuple[Float[np.ndarray, "report site"], Float[np.ndarray, "report site"]]:
    """UE Rx−Tx and gNB Rx−Tx time differences [s], whose sum is the round trip whatever the clocks.

    UE: τ_dl + Δ_i − c;  gNB: τ_ul − Δ_i + c, with c the UE's transmit frame (its advance included).
    """
    ue = downlink + clock_offset - ue_clock[:, None]
    return ue, uplink - clock_offset + ue_clock[:, None]


def round_trip_range(
    ue_difference: Float[np.ndarray, "..."], gnb_difference: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Distance [m] of multi-RTT: c·(UE Rx−Tx + gNB Rx−Tx)/2."""
    return SPEED_OF_LIGHT * (ue_difference + gnb_difference) / 2


def carrier_phase(
    response: Complex[np.ndarray, "*batch subcarrier"],
    frequencies: Float[np.ndarray, " subcarrier"],
    delay: Float[np.ndarray, "*batch"],
) -> Float[np.ndarray, "*batch"]:
    """Phase [degrees, 0..360) of the path that was timed, at the carrier.

    The response is turned back by the delay of the detected path, which makes that path's subcarriers
    add up: arg Σ H(f)·exp(j2πfτ). A lone path of length L has −360·L/λ. NaN where nothing was timed.
    """
    turns = np.nan_to_num(delay)[..., None] * frequencies
    added = np.sum(response * np.exp(2j * np.pi * (turns % 1.0)), axis=-1)
    return np.where(np.isnan(delay), np.nan, np.rad2deg(np.angle(added)) % 360.0)
