"""Levels measured on a frequency response: RSRP, RSSI, RSRQ, SS-SINR and SNR (TS 38.215 §5.1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, from_decibel, to_decibel


def reference_signal_power(
    response: Complex[np.ndarray, "*batch subcarrier"], epre_dbm: float | Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """RSRP [dBm]: EPRE + 10·log10 of the mean |H|² over the signal's subcarriers; NaN where dark (§5.1.1)."""
    return np.asarray(epre_dbm) + to_decibel(np.mean(np.abs(response) ** 2, axis=-1, dtype=np.float64))


def signal_strength_indicator(
    power_dbm: Float[np.ndarray, "*batch cell"],
    load: float | Float[np.ndarray, "cell"],
    noise_dbm: float,
    resource_blocks: int,
) -> Float[np.ndarray, "*batch"]:
    """RSSI [dBm] over N resource blocks: 12·N·(Σ_c ρ_c P_c + noise) (§5.1.3).

    Args:
        power_dbm: mean power of a used resource element of each cell [dBm]; NaN where dark.
        load: share of the resource elements that each cell uses.
        noise_dbm: noise in one resource element [dBm].
        resource_blocks: N.
    """
    received = np.sum(load * np.nan_to_num(from_decibel(power_dbm)), axis=-1) + from_decibel(noise_dbm)
    return to_decibel(SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks * received)


def reference_signal_quality(
    rsrp_dbm: Float[np.ndarray, "*batch"], rssi_dbm: Float[np.ndarray, "*batch"], resource_blocks: int
) -> Float[np.ndarray, "*batch"]:
    """RSRQ [dB]: N·RSRP / RSSI (§5.1.3); −10.8 dB for a lone fully loaded cell without noise."""
    return 10 * np.log10(resource_blocks) + rsrp_dbm - rssi_dbm


def signal_to_interference(
    response: Complex[np.ndarray, "*batch cell subcarrier"],
    epre_dbm: Float[np.ndarray, "cell"],
    load: float,
    noise_dbm: float,
) -> Float[np.ndarray, "*batch cell"]:
    """SS-SINR [dB] of every cell over its SSS subcarriers: Σ|H_c|²E_c / Σ(ρ Σ_j |H_j|²E_j + noise), j ≠ c (§5.1.5)."""
    power = np.abs(response.astype(np.complex128)) ** 2 * from_decibel(epre_dbm)[:, None]
    others = np.maximum(power.sum(axis=-2, keepdims=True) - power, 0)
    interference = load * others.mean(axis=-1) + from_decibel(noise_dbm)
    return to_decibel(power.mean(axis=-1) / interference)


def antenna_snr(
    response: Complex[np.ndarray, "*batch antenna subcarrier"], epre_dbm: float, noise_dbm: float
) -> Float[np.ndarray, "*batch antenna"]:
    """SNR [dB] of every receive antenna: its mean |H|²·EPRE over the noise of one resource element."""
    return reference_signal_power(response, epre_dbm) - noise_dbm
