"""Doppler: the shift of each path, the spectrum of a channel that is sampled in time, and its spread."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float


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
) -> tuple[Float[np.ndarray, "time"], Float[np.ndarray, "*batch time"]]:
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
