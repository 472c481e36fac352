"""Rank of a channel, and what compression of CSI keeps of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.units import to_decibel

#: Codes of the amplitudes and of the phases of a compressed eigenvector, 3 bits each.
AMPLITUDES, PHASES = 8, 8


def transmit_covariance(
    response: Complex[np.ndarray, "*batch subcarrier receive transmit"],
) -> Complex[np.ndarray, "*batch transmit transmit"]:
    """R = mean over subcarriers of Hᴴ H: what a wideband rank and precoder are chosen by."""
    return np.einsum("...fra,...frb->...ab", response.conj(), response) / response.shape[-3]


def condition_number_db(values: Float[np.ndarray, "*batch layer"]) -> Float[np.ndarray, "*batch"]:
    """20·log10 of the largest over the second singular value [dB]; NaN where that one is zero."""
    last = values[..., 1]
    # Rounding leaves a trace of a singular value that is zero.
    usable = last > 1e-6 * values[..., 0]
    ratio = np.divide(values[..., 0], last, out=np.full(last.shape, np.nan), where=usable)
    return 2 * to_decibel(ratio)


def rank_indicator(
    eigenvalues: Float[np.ndarray, "*batch layer"], snr: Float[np.ndarray, "*batch"], limit: int
) -> Int[np.ndarray, "*batch"]:
    """RI: the rank r ≤ limit of the highest rate Σ_{i≤r} log2(1 + λ_i·γ/r), power shared equally.

    Eigenvalues are of the transmit covariance; `snr` is linear, of all layers together at unit channel gain.
    """
    ranks = np.arange(1, min(limit, eigenvalues.shape[-1]) + 1)
    rate = [np.log2(1 + eigenvalues[..., :rank] * snr[..., None] / rank).sum(axis=-1) for rank in ranks]
    return np.stack(rate, axis=-1).argmax(axis=-1) + 1


@dataclass(frozen=True)
class CompressedCsi:
    """A few numbers of a MIMO channel."""

    rank: Int[np.ndarray, " ue"]
    """Singular values within 20 dB of the largest."""
    condition_db: Float[np.ndarray, " ue"]
    """Largest over second singular value [dB]; NaN at rank 1 exactly."""
    eigenvalues: Float[np.ndarray, "ue layer"]
    """Squared singular values as they are, largest first."""
    values_db: Float[np.ndarray, "ue layer"]
    """Squared singular values relative to the largest [dB, ≤ 0]; NaN where zero."""
    amplitude_code: Int[np.ndarray, "ue port"]
    """Amplitude of the main eigenvector's entries: 20·log10 of |v|/max|v| in −3 dB steps, last code and weaker."""
    phase_code: Int[np.ndarray, "ue port"]
    """Phase of the same relative to its strongest entry, in equal steps of the circle."""


def compress_csi(covariance: Complex[np.ndarray, "ue port port"]) -> CompressedCsi:
    """The summary of channels by their transmit covariance (amplitudes 3 dB apart, as Type II wideband: unverified)."""
    power, vectors = np.linalg.eigh(covariance)
    power, main = np.maximum(power[:, ::-1], 0), vectors[:, :, -1]
    relative = power / power[:, :1]
    strongest = np.abs(main).argmax(axis=1)[:, None]
    reference = np.take_along_axis(main, strongest, axis=1)
    ratio = main / reference
    with np.errstate(divide="ignore"):
        steps = np.floor(-20 * np.log10(np.abs(ratio)) / 3 + 0.5)
    return CompressedCsi(
        rank=(relative > 0.01).sum(axis=1),
        eigenvalues=power,
        condition_db=condition_number_db(np.sqrt(power)),
        values_db=np.where(relative > 1e-12, 10 * np.log10(np.maximum(relative, 1e-12)), np.nan),
        amplitude_code=np.clip(steps, 0, AMPLITUDES - 1).astype(np.int64),
        phase_code=np.round(np.angle(ratio) * PHASES / (2 * np.pi)).astype(np.int64) % PHASES,
    )


def decompress_eigenvector(csi: CompressedCsi) -> Complex[np.ndarray, "ue port"]:
    """The unit eigenvector that a summary's codes mean; the last amplitude code is zero."""
    amplitude = 10.0 ** (-3 * csi.amplitude_code / 20)
    amplitude = np.where(csi.amplitude_code == AMPLITUDES - 1, 0.0, amplitude)
    vector = amplitude * np.exp(2j * np.pi * csi.phase_code / PHASES)
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def column_phase_step(csi: CompressedCsi, columns: int) -> Float[np.ndarray, " ue"]:
    """Phase [degrees, ±180] from column to column of the quantised eigenvector of two polarisations of a row.

    The steps of both polarisations are averaged, weighted by amplitude: a quantised departure angle.
    """
    vector = decompress_eigenvector(csi).reshape(len(csi.rank), 2, columns)
    steps = (vector[:, :, 1:] * vector[:, :, :-1].conj()).sum(axis=(1, 2))
    return np.where(np.abs(steps) > 0, np.rad2deg(np.angle(steps)), np.nan)
