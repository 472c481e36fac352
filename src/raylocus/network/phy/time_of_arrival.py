"""Time of arrival by a first-path detector on a noisy, band-limited channel, and the bound on its error.

A receiver does not see distances. It correlates a reference signal, looks for the earliest peak that
stands out of noise and side lobes, and times that. Weak first paths are missed, and paths closer than
the inverse bandwidth merge: both bias the time long, as in the field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import ifft, next_fast_len

from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.units import from_decibel

#: Share of the period of lags that lies before delay 0.
EARLY_SHARE = 1 / 8


@dataclass(frozen=True)
class FirstPathDetector:
    """A detector's settings."""

    oversampling: int = 8
    """Points of the correlation per inverse bandwidth."""
    noise_threshold_db: float = 13.0
    """A peak must stand this far above the mean noise of the correlation [dB]: a false alarm in 10⁸ points."""
    peak_threshold_db: float = -20.0
    """…and be no weaker than this relative to the strongest peak [dB]; Hann side lobes are at −31 dB."""


def first_path_delay(
    response: Complex[np.ndarray, "*batch subcarrier"],
    noise_power: Float[np.ndarray, "*batch"],
    spacing: float,
    detector: FirstPathDetector = FirstPathDetector(),
) -> Float[np.ndarray, "*batch"]:
    """Delay [s] of the first path that a receiver detects; NaN where it detects none.

    Args:
        response: measured frequency response at equally spaced subcarriers, noise included.
        noise_power: noise in each subcarrier, in the response's units.
        spacing: of the subcarriers [Hz]; delays are found in [−1/8, 7/8] of 1/spacing.
        detector: settings.
    """
    profile, step = correlation_profile(response, spacing, detector.oversampling)
    # The window has unit energy, so the correlation's noise is that of one subcarrier.
    floor = noise_power * from_decibel(detector.noise_threshold_db)
    threshold = np.maximum(floor, profile.max(axis=-1) * from_decibel(detector.peak_threshold_db))
    inner = profile[..., 1:-1]
    peak = (inner >= profile[..., :-2]) & (inner > profile[..., 2:]) & (inner >= threshold[..., None])
    first = peak.argmax(axis=-1) + 1
    # The top is that of a parabola through the logarithms of three points.
    around = np.clip(first[..., None] + np.arange(-1, 2), 0, profile.shape[-1] - 1)
    three = np.log(np.take_along_axis(profile, around, axis=-1).astype(np.float64) + 1e-300)
    place = first + np.clip(parabola_top(three), -0.5, 0.5)
    return np.where(peak.any(axis=-1), place * step - EARLY_SHARE / spacing, np.nan)


def correlation_profile(
    response: Complex[np.ndarray, "*batch subcarrier"], spacing: float, oversampling: int
) -> tuple[Float[np.ndarray, "*batch lag"], float]:
    """|h|² of the Hann-windowed response over lags, and the step between lags [s].

    Lags begin at −1/8 of the period 1/spacing, so that a little negative delay is found as such.
    """
    count = response.shape[-1]
    window = np.sin(np.pi * (np.arange(count) + 0.5) / count) ** 2
    # The turn from subcarrier to subcarrier puts the first lag where it should be.
    turn = np.exp(-2j * np.pi * EARLY_SHARE * np.arange(count)) / np.sqrt(np.sum(window**2))
    size = next_fast_len(count * oversampling)
    shaped = response * (window * turn).astype(response.dtype)
    lags = ifft(shaped, size, axis=-1, overwrite_x=True, norm="forward")
    return lags.real**2 + lags.imag**2, 1 / (size * spacing)


def parabola_top(three: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
    """Where the parabola through values at −1, 0 and 1 has its top; 0 where it has none."""
    before, at, after = np.moveaxis(three, -1, 0)
    curvature = before - 2 * at + after
    safe = np.where(curvature < 0, curvature, -1.0)
    return np.where(curvature < 0, 0.5 * (before - after) / safe, 0.0)


def noisy_response(
    response: Complex[np.ndarray, " report *batch"],
    noise_power: Float[np.ndarray, "..."],
    random: RandomSource,
) -> Complex[np.ndarray, " report *batch"]:
    """A frequency response with circular Gaussian noise of this power (broadcast against the response)."""
    noise = complex_normal(response.shape, random)
    return response + np.sqrt(noise_power) * noise


def delay_bound(
    snr_db: float | Float[np.ndarray, "*batch"], subcarriers: int, spacing: float
) -> float | Float[np.ndarray, "*batch"]:
    """Cramér–Rao bound [s] on the delay of a lone path of unknown complex gain: 1 / (2πβ√(2·N·γ)).

    β = Δf·√((N² − 1)/12) is the RMS bandwidth of N equal subcarriers, γ the SNR of each (Kay,
    Fundamentals of Statistical Signal Processing, §3.11, for a known signal in white noise).
    """
    bandwidth = spacing * np.sqrt((subcarriers**2 - 1) / 12)
    return 1 / (2 * np.pi * bandwidth * np.sqrt(2 * subcarriers * from_decibel(snr_db)))
