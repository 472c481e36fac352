"""Spread of a channel in delay and Doppler shift: taps, power delay profile, RMS spreads."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float


def channel_taps(
    delay: Float[np.ndarray, "*link path"],
    amplitude: Complex[np.ndarray, "*link path"],
    bandwidth: float,
    count: int,
    start: float | Float[np.ndarray, "*link"] = 0.0,
) -> Complex[np.ndarray, "*link tap"]:
    """Taps at the bandwidth's sampling: h_l = Σ a·sinc(B(start + l/B − τ)) (as Sionna's `Paths.taps`).

    Args:
        delay: of each path [s]; NaN where there is none.
        amplitude: of each path, the carrier's phase included.
        bandwidth: B [Hz]; taps are 1/B apart.
        count: number of taps.
        start: delay of the first tap [s].
    """
    exists = ~np.isnan(delay)
    late = np.asarray(start)[..., None] - np.where(exists, delay, 0.0)
    place = np.arange(count) + bandwidth * late[..., None]
    return np.einsum("...pl,...p->...l", np.sinc(place), np.where(exists, amplitude, 0))


def power_delay_profile(taps: Complex[np.ndarray, "snapshot *link tap"]) -> Float[np.ndarray, "*link tap"]:
    """Mean |h_l|² over snapshots."""
    return np.mean(np.abs(taps) ** 2, axis=0)


def mean_delay(profile: Float[np.ndarray, "*link tap"], spacing: float) -> Float[np.ndarray, "*link"]:
    """Power-weighted mean delay [s] after the first tap; NaN without power."""
    power = profile.sum(axis=-1)
    moment = (profile * np.arange(profile.shape[-1])).sum(axis=-1)
    return spacing * np.divide(moment, power, out=np.full(power.shape, np.nan), where=power > 0)


def profile_delay_spread(
    profile: Float[np.ndarray, "*link tap"], spacing: float
) -> Float[np.ndarray, "*link"]:
    """RMS delay spread [s] of a power delay profile: √(E[τ²] − E[τ]²); NaN without power."""
    delay = spacing * np.arange(profile.shape[-1])
    centred = delay - mean_delay(profile, spacing)[..., None]
    power = profile.sum(axis=-1)
    moment = (profile * centred**2).sum(axis=-1)
    return np.sqrt(np.divide(moment, power, out=np.full(power.shape, np.nan), where=power > 0))


def path_delay_spread(
    delay: Float[np.ndarray, "*link path"], power: Float[np.ndarray, "*link path"]
) -> Float[np.ndarray, "*link"]:
    """RMS delay spread [s] of paths, power weighted (TR 38.901 §7.7.3); NaN without a path."""
    weight = np.where(np.isnan(delay), 0.0, power)
    total = weight.sum(axis=-1, keepdims=True)
    weight = np.divide(weight, total, out=np.full(weight.shape, np.nan), where=total > 0)
    # About the first path, for delays are large compared with their spread.
    first = np.where(np.isnan(delay), np.inf, delay).min(axis=-1, keepdims=True)
    excess = np.where(np.isnan(delay), 0.0, delay - first)
    mean = (weight * excess).sum(axis=-1, keepdims=True)
    return np.sqrt((weight * (excess - mean) ** 2).sum(axis=-1))


def path_doppler(
    arrival: Float[np.ndarray, "*batch path 3"], velocity: Float[np.ndarray, "*batch 3"], wavelength: float
) -> Float[np.ndarray, "*batch path"]:
    """Doppler shift [Hz] of each path: −k·v/λ, positive when the UE moves towards where it comes from.

    Args:
        arrival: unit propagation vector at the UE.
        velocity: of the UE [m/s].
        wavelength: [m].
    """
    return -np.einsum("...pi,...i->...p", arrival, velocity) / wavelength


def doppler_spectrum(
    samples: Complex[np.ndarray, "*batch time"], interval: float
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, "*batch time"]]:
    """Doppler power spectrum by a periodogram.

    Args:
        samples: channel of one subcarrier at equal intervals.
        interval: between samples [s].

    Returns:
        Doppler frequencies [Hz], ascending within ±1/(2·interval), and power; the powers sum to the
        samples' mean power (Parseval).
    """
    count = samples.shape[-1]
    spectrum = np.fft.fftshift(np.fft.fft(samples, axis=-1), axes=-1) / count
    return np.fft.fftshift(np.fft.fftfreq(count, interval)), np.abs(spectrum) ** 2


def doppler_spread(
    shift: Float[np.ndarray, "*batch path"], power: Float[np.ndarray, "*batch path"]
) -> Float[np.ndarray, "*batch"]:
    """RMS Doppler spread [Hz], power weighted; works on paths and on a spectrum alike. NaN without power."""
    weight = np.where(np.isnan(shift), 0.0, power)
    total = weight.sum(axis=-1, keepdims=True)
    weight = np.divide(weight, total, out=np.full(weight.shape, np.nan), where=total > 0)
    value = np.nan_to_num(shift)
    mean = (weight * value).sum(axis=-1, keepdims=True)
    return np.sqrt((weight * (value - mean) ** 2).sum(axis=-1))
