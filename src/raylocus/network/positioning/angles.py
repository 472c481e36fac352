"""Angles: UL-AoA from the response of a TRP's array, DL-AoD from the RSRP of beams (TS 38.305 §8.11, §8.13)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.phy.time_of_arrival import parabola_top

#: Points of the grid that a peak is first looked for on, over the direction cosine.
SEARCH_POINTS = 256


def arrival_cosine(
    snapshots: Complex[np.ndarray, "*batch subcarrier element"],
) -> Float[np.ndarray, "*batch"]:
    """Direction cosine, left positive, of the strongest arrival on a uniform linear array: the Bartlett spectrum's top.

    P(u) = Σ_f |a(u)ᴴ h_f|², refined by a parabola between grid points. NaN where nothing is received.
    """
    elements = snapshots.shape[-1]
    covariance = np.einsum("...fa,...fb->...ab", snapshots, snapshots.conj())
    # The spectrum of a line array depends on the lags of its covariance only: one FFT.
    lags = np.stack([np.trace(covariance, -lag, axis1=-2, axis2=-1) for lag in range(elements)], axis=-1)
    half = np.fft.fft(lags, SEARCH_POINTS, axis=-1)
    spectrum = 2 * half.real - lags[..., :1].real
    top = spectrum.argmax(axis=-1)
    around = (top[..., None] + np.arange(-1, 2)) % SEARCH_POINTS
    offset = parabola_top(np.take_along_axis(spectrum, around, axis=-1))
    cosine = 2 * (top + offset) / SEARCH_POINTS
    received = lags[..., 0].real > 0
    return np.where(received, (cosine + 1) % 2 - 1, np.nan)


def departure_azimuth(
    beam_rsrp: Float[np.ndarray, "report beam"],
    candidates: Float[np.ndarray, " angle"],
    pattern_db: Float[np.ndarray, "angle beam"],
) -> Float[np.ndarray, " report"]:
    """DL-AoD [rad] by matching the RSRPs [dBm] of a cell's beams to its known beam patterns.

    The level common to all beams is unknown, so both are centred over the beams that were reported;
    the least squared difference wins. NaN where fewer than two beams were reported.

    RSRP is NaN where a beam was not reported; the pattern is the gain of each beam towards each candidate [dB].
    """
    seen = ~np.isnan(beam_rsrp)
    count = seen.sum(axis=1)
    level = np.where(seen, beam_rsrp, 0.0)
    weight = seen / np.maximum(count, 1)[:, None]
    level = np.where(seen, level - (weight * level).sum(axis=1, keepdims=True), 0.0)
    # Σ(l − p + p̄)² = Σl² − 2Σlp + Σp² − n·p̄²: three products instead of a cube of differences.
    cross = level @ pattern_db.T
    square = seen @ (pattern_db**2).T
    mean = weight @ pattern_db.T
    cost = -2 * cross + square - count[:, None] * mean**2
    return np.where(count >= 2, candidates[cost.argmin(axis=1)], np.nan)
