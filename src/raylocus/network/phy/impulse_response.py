"""Frequency and impulse response of a channel from its paths: taps, power delay profile, RMS spreads."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.errors import InputError
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing

#: Subcarriers of an SS/PBCH block that carry the SSS (TS 38.211 T 7.4.3.1-1).
SSS_SUBCARRIERS = np.arange(56, 183)
#: Comb sizes of PRS (TS 38.211 §7.4.1.7.3) and SRS (§6.4.1.4.2, 8 with Rel-16 positioning).
COMBS = (1, 2, 4, 6, 8, 12)


def comb_frequencies(
    resource_blocks: int, numerology: int, comb: int = 1
) -> Float[np.ndarray, " subcarrier"]:
    """Frequencies [Hz] from the carrier of every comb-th subcarrier of some resource blocks.

    A fully staggered PRS or SRS covers every subcarrier once its symbols are put together: comb 1.

    Raises:
        InputError: no reference signal has this comb.
    """
    if comb not in COMBS:
        raise InputError(f"no reference signal has a comb of {comb}; choose one of {COMBS}")
    count = SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks
    return subcarrier_spacing(numerology) * (np.arange(0, count, comb) - count / 2)


def frequency_response(
    delay: Float[np.ndarray, "*link path"],
    amplitude: Complex[np.ndarray, "*link port path"],
    frequencies: Float[np.ndarray, " subcarrier"],
) -> Complex[np.ndarray, "*link port subcarrier"]:
    """H(f) = Σ a·exp(−j2πfτ) of every port; paths of NaN delay do not exist.

    Delays in s, frequencies from the carrier [Hz]; amplitudes include the carrier's phase.
    """
    exists = ~np.isnan(delay)
    turns = np.where(exists, delay, 0.0)[..., None] * frequencies
    rotation = np.exp(-2j * np.pi * (turns % 1.0)).astype(amplitude.dtype)
    return np.where(exists[..., None, :], amplitude, 0) @ rotation


def comb_response(
    delay: Float[np.ndarray, "*link path"],
    amplitude: Complex[np.ndarray, "*link path"],
    frequencies: Float[np.ndarray, " subcarrier"],
) -> Complex[np.ndarray, "*link subcarrier"]:
    """`frequency_response` of one port on equally spaced subcarriers, which is one small matrix product a link.

    A subcarrier is a coarse step plus a fine one, so exp(−j2πfτ) is a product of two of few exponentials.
    """
    count = len(frequencies)
    fine = int(np.ceil(np.sqrt(count)))
    coarse = -(-count // fine)
    spacing = frequencies[1] - frequencies[0]
    known = np.nan_to_num(delay)[..., None]
    weight = np.where(np.isnan(delay), 0, amplitude)[..., None]
    outer = weight * _turned(known * (frequencies[0] + spacing * fine * np.arange(coarse)))
    inner = _turned(known * (spacing * np.arange(fine)))
    response = outer.astype(np.complex64).swapaxes(-1, -2) @ inner
    return response.reshape(*delay.shape[:-1], coarse * fine)[..., :count]


def _turned(turns: Float[np.ndarray, "*batch"]) -> Complex[np.ndarray, "*batch"]:
    """exp(−j2π·turns) in single precision; whole turns are taken off before."""
    angle = (-2 * np.pi * (turns - np.rint(turns))).astype(np.float32)
    return np.exp(1j * angle)


def channel_taps(
    delay: Float[np.ndarray, "*link path"],
    amplitude: Complex[np.ndarray, "*link path"],
    bandwidth: float,
    count: int,
    start: float | Float[np.ndarray, "*link"] = 0.0,
) -> Complex[np.ndarray, "*link tap"]:
    """Taps at the bandwidth's sampling: h_l = Σ a·sinc(B(start + l/B − τ)) (as Sionna's `Paths.taps`).

    Delays [s] are NaN where there is no path, amplitudes include the carrier's phase; `count` taps 1/B apart, B being
    the bandwidth [Hz], begin at the delay `start` [s].
    """
    exists = ~np.isnan(delay)
    late = np.asarray(start)[..., None] - np.where(exists, delay, 0.0)
    place = np.arange(count) + bandwidth * late[..., None]
    return np.einsum("...pl,...p->...l", np.sinc(place), np.where(exists, amplitude, 0))


def power_delay_profile(taps: Complex[np.ndarray, "snapshot *link tap"]) -> Float[np.ndarray, "*link tap"]:
    """Mean |h_l|² over snapshots."""
    return np.mean(np.abs(taps) ** 2, axis=0)


def path_delay_spread(
    delay: Float[np.ndarray, "*link path"], power: Float[np.ndarray, "*link path"]
) -> Float[np.ndarray, "*link"]:
    """RMS delay spread [s] of paths, power weighted (TR 38.901 §7.7.3); NaN without a path."""
    # About the first path, for delays are large compared with their spread.
    return rms_spread(delay - np.fmin.reduce(delay, axis=-1, keepdims=True), power)


def rms_spread(
    values: Float[np.ndarray, "*batch path"], power: Float[np.ndarray, "*batch path"]
) -> Float[np.ndarray, "*batch"]:
    """RMS spread of paths' delays [s] or Doppler shifts [Hz], power weighted; NaN without power."""
    weight = np.where(np.isnan(values), 0.0, power)
    total = weight.sum(axis=-1, keepdims=True)
    weight = np.divide(weight, total, out=np.full(weight.shape, np.nan), where=total > 0)
    value = np.nan_to_num(values)
    mean = (weight * value).sum(axis=-1, keepdims=True)
    return np.sqrt((weight * (value - mean) ** 2).sum(axis=-1))
