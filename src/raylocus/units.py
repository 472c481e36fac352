"""Physical constants, decibels and the 3GPP time units. No other module holds a conversion factor.

Sources: TS 38.211 §4.1 (Tc), TS 38.213 §4.2 (timing advance), SI brochure (c, k).
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from jaxtyping import Float

#: Speed of light in vacuum [m/s].
SPEED_OF_LIGHT = 299_792_458.0
#: NR basic time unit Tc = 1 / (480 kHz · 4096) [s], TS 38.211 §4.1.
TC = 1.0 / (480e3 * 4096)
#: Thermal noise power density at 290 K [dBm/Hz].
THERMAL_NOISE_DBM_PER_HZ = -174.0
#: Subcarriers of one resource block.
SUBCARRIERS_PER_RESOURCE_BLOCK = 12


def subcarrier_spacing(numerology: int) -> float:
    """Subcarrier spacing [Hz] of numerology μ: 15 kHz · 2^μ (TS 38.211 §4.2)."""
    return 15e3 * 2**numerology


def slot_duration(numerology: int) -> float:
    """Length of a slot [s]: 1 ms / 2^μ (TS 38.211 §4.3.2)."""
    return 1e-3 / 2**numerology


def timing_advance_step(numerology: int) -> float:
    """Round-trip step of NR's T_A [s]: 16·64·Tc / 2^μ (TS 38.213 §4.2)."""
    return 16 * 64 * TC / 2**numerology


def timing_advance_distance(numerology: int) -> float:
    """One-way distance of one T_A step [m]: c · step / 2; 39.04 m at 30 kHz."""
    return SPEED_OF_LIGHT * timing_advance_step(numerology) / 2


@overload
def to_decibel(linear: float) -> float: ...
@overload
def to_decibel(linear: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]: ...
def to_decibel(linear: float | Float[np.ndarray, "..."]) -> float | Float[np.ndarray, "..."]:
    """10·log10 of a power ratio; zero power, which is *missing*, becomes NaN."""
    values = np.asarray(linear)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(values > 0, 10 * np.log10(np.where(values > 0, values, 1)), np.nan)
    return float(level) if level.ndim == 0 else level.astype(values.dtype, copy=False)


@overload
def from_decibel(level: float) -> float: ...
@overload
def from_decibel(level: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]: ...
def from_decibel(level: float | Float[np.ndarray, "..."]) -> float | Float[np.ndarray, "..."]:
    """Power ratio of a level in dB: 10^(level/10)."""
    if isinstance(level, (int, float)):
        return math.pow(10.0, level / 10)
    return np.power(10.0, np.asarray(level) / 10)


def energy_per_resource_element(power_dbm: float, resource_blocks: int) -> float:
    """EPRE [dBm] of a flat power spectral density: P − 10·log10(12·N_RB) (TS 38.214 §4.1)."""
    return power_dbm - 10 * math.log10(SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks)


def noise_per_resource_element(numerology: int, noise_figure_db: float) -> float:
    """Thermal noise in one resource element [dBm]: −174 + 10·log10(SCS) + NF."""
    return THERMAL_NOISE_DBM_PER_HZ + 10 * math.log10(subcarrier_spacing(numerology)) + noise_figure_db
