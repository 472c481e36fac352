"""Layer-3 filtering of measurements along a sequence (TS 38.331 §5.5.3.2)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

#: The L3 filter's coefficients assume one L1 measurement each 200 ms in FR1, 400 ms in FR2 (TS 38.133 §9.2.5.2) [s].
MEASUREMENT_PERIODS = {1: 0.2, 2: 0.4}
MEASUREMENT_PERIOD = MEASUREMENT_PERIODS[1]


def filter_weight(
    coefficient: int, elapsed: Float[np.ndarray, "..."], period: float = MEASUREMENT_PERIOD
) -> Float[np.ndarray, "..."]:
    """Weight of a new measurement that comes `elapsed` seconds after the last (TS 38.331 §5.5.3.2).

    a = 2^(−k/4) each measurement period, so a' = 1 − (1 − a)^(elapsed / period).
    """
    return 1 - (1 - 2 ** (-coefficient / 4)) ** (elapsed / period)


def reports_by_step(
    report_offsets: Int[np.ndarray, " sample_plus_1"],
) -> Iterator[Int[np.ndarray, " report"]]:
    """For step 1, 2, …: the reports that have this many predecessors in their sequence."""
    lengths = np.diff(report_offsets)
    for step in range(1, int(lengths.max(initial=0))):
        yield report_offsets[:-1][lengths > step] + step


def l3_filter(
    measured: Float[np.ndarray, "report cell"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    coefficient: int,
    period: float = MEASUREMENT_PERIOD,
) -> Float[np.ndarray, "report cell"]:
    """F_n = (1 − a')·F_{n−1} + a'·M_n of each cell, in dB, along each sequence (TS 38.331 §5.5.3.2).

    The filter of a cell starts with its first measurement, and again after a report without one.
    """
    filtered = np.array(measured, np.float64)
    for now in reports_by_step(report_offsets):
        weight = filter_weight(coefficient, time[now] - time[now - 1], period)[:, None]
        blended = (1 - weight) * filtered[now - 1] + weight * measured[now]
        filtered[now] = np.where(np.isnan(filtered[now - 1]), measured[now], blended)
    return filtered
