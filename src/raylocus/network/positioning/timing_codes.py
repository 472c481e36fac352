"""Report mappings of RSTD, Rx−Tx and RTOA, and of the angles and phases (TS 38.133 §10.1.23, §10.1.25, §13).

Timing is in Tc with a granularity of 2^k Tc, k = −6..5 (Rel-18; 0..5 before).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.units import TC

#: Range of RSTD, Rx−Tx and RTOA [Tc]: ±985 024.
TIMING_LIMIT = 985_024
GRANULARITIES = range(-6, 6)
#: Range of additional paths [Tc] and of differential RSTD and Rx−Tx.
ADDITIONAL_PATH_LIMIT, DIFFERENTIAL_LIMIT = 8175, 8191
#: Step of reported angles and carrier phases [degrees].
ANGLE_STEP = 0.1
#: Values of timing quality: 0..31 × these [m] (TS 37.355 NR-TimingQuality).
QUALITY_RESOLUTIONS = (0.1, 1.0, 10.0, 30.0)


def _step(granularity: int) -> float:
    if granularity not in GRANULARITIES:
        raise InputError(f"the reporting granularity k is −6 to 5, not {granularity}")
    return 2.0**granularity


def last_timing_code(granularity: int) -> int:
    """Index that means "above the range": 2·985024 / 2^k + 1, e.g. 1 970 049 at k = 0."""
    return int(2 * TIMING_LIMIT / _step(granularity)) + 1


def encode_timing(time: Float[np.ndarray, "..."], granularity: int) -> Int[np.ndarray, "..."]:
    """Index of RSTD, Rx−Tx or RTOA [s]: 0 below −985024 Tc, then half-open bins of 2^k Tc.

    Raises:
        InputError: k is outside −6..5.
    """
    code = np.floor((np.asarray(time) / TC + TIMING_LIMIT) / _step(granularity)).astype(np.int64) + 1
    return np.clip(code, 0, last_timing_code(granularity))


def decode_timing(code: Int[np.ndarray, "..."], granularity: int) -> Float[np.ndarray, "..."]:
    """Bin centre [s]: ((i − ½)·2^k − 985024) Tc; the end of the range at the two censored indices."""
    centre = (np.asarray(code) - 0.5) * _step(granularity) - TIMING_LIMIT
    return np.clip(centre, -TIMING_LIMIT, TIMING_LIMIT) * TC


def reported_timing(
    time: Float[np.ndarray, "*shape"], granularity: int
) -> tuple[Float[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
    """What the network reads of a timing report [s], and −1, 0 or +1 where censored; NaN stays NaN."""
    missing = np.isnan(time)
    code = encode_timing(np.where(missing, 0.0, time), granularity)
    censored = (code == last_timing_code(granularity)).astype(np.int8) - (code == 0)
    return np.where(missing, np.nan, decode_timing(code, granularity)), np.where(missing, 0, censored).astype(
        np.int8
    )


def encode_differential_timing(time: Float[np.ndarray, "..."], granularity: int) -> Int[np.ndarray, "..."]:
    """Index of a differential RSTD or Rx−Tx [s ≥ 0]: 0..8191 Tc in steps of 2^k Tc (§10.1.23.3.2)."""
    last = int(np.ceil((DIFFERENTIAL_LIMIT + 1) / _step(granularity))) - 1
    return np.clip(np.floor(np.asarray(time) / TC / _step(granularity)), 0, last).astype(np.int64)


def decode_differential_timing(code: Int[np.ndarray, "..."], granularity: int) -> Float[np.ndarray, "..."]:
    """Bin centre [s] of a differential index."""
    return (np.asarray(code) + 0.5) * _step(granularity) * TC


def encode_additional_path(time: Float[np.ndarray, "..."], granularity: int) -> Int[np.ndarray, "..."]:
    """Index of an additional path's delay relative to the first [s]: ±8175 Tc in steps of 2^k Tc (§10.1.23.3.3)."""
    step = _step(granularity)
    last = int(np.floor(2 * ADDITIONAL_PATH_LIMIT / step)) + 1
    code = np.floor((np.asarray(time) / TC + ADDITIONAL_PATH_LIMIT) / step).astype(np.int64) + 1
    return np.clip(code, 0, last)


def decode_additional_path(code: Int[np.ndarray, "..."], granularity: int) -> Float[np.ndarray, "..."]:
    """Bin centre [s] of an additional path's index; the end of the range at the two censored indices."""
    centre = (np.asarray(code) - 0.5) * _step(granularity) - ADDITIONAL_PATH_LIMIT
    return np.clip(centre, -ADDITIONAL_PATH_LIMIT, ADDITIONAL_PATH_LIMIT) * TC


def encode_azimuth(angle: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..3599 of an azimuth [degrees]: [−180, 180) in steps of 0.1 (§13.4); angles are wrapped."""
    wrapped = (np.asarray(angle) + 180.0) % 360.0
    return np.floor(wrapped / ANGLE_STEP + 1e-9).astype(np.int64) % 3600


def decode_azimuth(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [degrees] of an azimuth index."""
    return (np.asarray(code) + 0.5) * ANGLE_STEP - 180.0


def encode_zenith(angle: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..1799 of a zenith angle [degrees], 0..180 in steps of 0.1 (§13.4)."""
    return np.clip(np.floor(np.asarray(angle) / ANGLE_STEP + 1e-9), 0, 1799).astype(np.int64)


def decode_zenith(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [degrees] of a zenith index."""
    return (np.asarray(code) + 0.5) * ANGLE_STEP


def encode_phase(phase: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..3599 of a carrier phase [degrees], wrapped to [0, 360) in steps of 0.1 (UL-RSCP, §13.8)."""
    return np.floor((np.asarray(phase) % 360.0) / ANGLE_STEP + 1e-9).astype(np.int64) % 3600


def decode_phase(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [degrees] of a phase index."""
    return (np.asarray(code) + 0.5) * ANGLE_STEP


def timing_quality(
    error: Float[np.ndarray, "..."],
) -> tuple[Int[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Value 0..31 and resolution [m] that report an error [m]: the finest resolution that reaches it."""
    resolution = np.full(np.shape(error), QUALITY_RESOLUTIONS[-1])
    for step in reversed(QUALITY_RESOLUTIONS[:-1]):
        resolution = np.where(np.asarray(error) <= 31 * step, step, resolution)
    return np.clip(np.ceil(np.asarray(error) / resolution - 1e-9), 0, 31).astype(np.int64), resolution
