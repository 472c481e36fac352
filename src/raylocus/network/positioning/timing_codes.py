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
#: Step of reported angles and carrier phases [degrees].
ANGLE_STEP = 0.1


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


def encode_azimuth(angle: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..3599 of an azimuth [degrees]: [−180, 180) in steps of 0.1 (§13.4); angles are wrapped."""
    wrapped = (np.asarray(angle) + 180.0) % 360.0
    return np.floor(wrapped / ANGLE_STEP + 1e-9).astype(np.int64) % 3600


def decode_azimuth(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [degrees] of an azimuth index."""
    return (np.asarray(code) + 0.5) * ANGLE_STEP - 180.0


def encode_phase(phase: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..3599 of a carrier phase [degrees], wrapped to [0, 360) in steps of 0.1 (UL-RSCP, §13.8)."""
    return np.floor((np.asarray(phase) % 360.0) / ANGLE_STEP + 1e-9).astype(np.int64) % 3600


def decode_phase(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [degrees] of a phase index."""
    return (np.asarray(code) + 0.5) * ANGLE_STEP
