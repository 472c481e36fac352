"""Rank: singular values of the MIMO channel, its condition, and the rank indicator (TS 38.214 §5.2.2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.errors import InputError
from raylocus.units import to_decibel

#: Largest rank of a Type I single-panel codebook.
MOST_LAYERS = 8


def transmit_covariance(
    response: Complex[np.ndarray, "*batch subcarrier receive transmit"],
) -> Complex[np.ndarray, "*batch transmit transmit"]:
    """R = mean over subcarriers of Hᴴ H: what a wideband rank and precoder are chosen by."""
    return np.einsum("...fra,...frb->...ab", response.conj(), response) / response.shape[-3]


def singular_values(
    response: Complex[np.ndarray, "*batch receive transmit"],
) -> Float[np.ndarray, "*batch layer"]:
    """Singular values, the largest first."""
    return np.linalg.svd(response, compute_uv=False)


def condition_number_db(
    values: Float[np.ndarray, "*batch layer"], layers: int = 2
) -> Float[np.ndarray, "*batch"]:
    """20·log10 of the largest over the `layers`-th singular value [dB]; NaN where that one is zero."""
    last = values[..., layers - 1]
    # Rounding leaves a trace of a singular value that is zero.
    usable = last > 1e-6 * values[..., 0]
    ratio = np.divide(values[..., 0], last, out=np.full(last.shape, np.nan), where=usable)
    return 2 * to_decibel(ratio)


def rank_limit(ports: int, receive_antennas: int, capability: int, codebook: int = MOST_LAYERS) -> int:
    """Largest rank a UE may report: the least of ports, receive antennas, its capability and the codebook's.

    Raises:
        InputError: one of them is below 1.
    """
    limit = min(ports, receive_antennas, capability, codebook)
    if limit < 1:
        raise InputError("ports, receive antennas and layers of a UE must each be at least 1")
    return limit


def rank_indicator(
    eigenvalues: Float[np.ndarray, "*batch layer"], snr: Float[np.ndarray, "*batch"], limit: int
) -> Int[np.ndarray, "*batch"]:
    """RI: the rank r ≤ limit of the highest rate Σ_{i≤r} log2(1 + λ_i·γ/r), power shared equally.

    Args:
        eigenvalues: of the transmit covariance, largest first.
        snr: linear SNR of all layers together at unit channel gain.
        limit: see `rank_limit`.
    """
    ranks = np.arange(1, min(limit, eigenvalues.shape[-1]) + 1)
    rate = [np.log2(1 + eigenvalues[..., :rank] * snr[..., None] / rank).sum(axis=-1) for rank in ranks]
    return np.stack(rate, axis=-1).argmax(axis=-1) + 1
