"""Carrier phase positioning: DL-RSCP, UL-RSCP and their difference (TS 38.215, Rel-18)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float


def carrier_phase(
    response: Complex[np.ndarray, "*batch subcarrier"],
    frequencies: Float[np.ndarray, "subcarrier"],
    delay: Float[np.ndarray, "*batch"],
) -> Float[np.ndarray, "*batch"]:
    """Phase [degrees, 0..360) of the path that was timed, at the carrier.

    The response is turned back by the delay of the detected path, which makes that path's subcarriers
    add up: arg Σ H(f)·exp(j2πfτ). A lone path of length L has −360·L/λ. NaN where nothing was timed.
    """
    turns = np.nan_to_num(delay)[..., None] * frequencies
    added = np.sum(response * np.exp(2j * np.pi * (turns % 1.0)), axis=-1)
    return np.where(np.isnan(delay), np.nan, np.rad2deg(np.angle(added)) % 360.0)


def phase_difference(
    phase: Float[np.ndarray, "*batch"], reference: Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """RSCPD [degrees, 0..360): the phase less that of the reference TRP; the UE's oscillator cancels."""
    return (phase - reference) % 360.0


def phase_bound(
    snr_db: float | Float[np.ndarray, "*batch"], subcarriers: int
) -> float | Float[np.ndarray, "*batch"]:
    """Cramér–Rao bound [degrees] of the phase of N subcarriers in the middle of the band: 1/√(2Nγ)."""
    return np.rad2deg(1 / np.sqrt(2 * subcarriers * 10 ** (np.asarray(snr_db) / 10)))
