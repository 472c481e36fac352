"""Clocks: the drift of a device's, and the jitter of time stamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.random_streams import RandomSource
from raylocus.ragged import Rows


@dataclass(frozen=True)
class ClockErrors:
    """How a UE's clock and the network's time stamps are off."""

    drift: float = 0.1e-6
    """Standard deviation of a UE's frequency error after it locked to its cell (0.1 ppm, TS 38.101-1 §6.4.1)."""
    stamp_jitter: float = 0.005
    """Largest delay of a report's time stamp, uniform [s]: scheduling and processing."""


def drifts(
    report_offsets: Int[np.ndarray, " sample_plus_1"], errors: ClockErrors, random: RandomSource
) -> Float[np.ndarray, " report"]:
    """Relative frequency error of the UE of each report: one draw for its whole sequence."""
    return errors.drift * random.standard_normal((int(report_offsets[-1]),))[Rows(report_offsets).first]


def clock_error(
    time: Float[np.ndarray, " report"], drift: Float[np.ndarray, " report"], since_correction: float
) -> Float[np.ndarray, " report"]:
    """Error [s] of a UE's frame when it is measured `since_correction` [s] after it was last aligned: drift × age.

    The age is cut at the time since the sequence began.
    """
    return drift * np.minimum(time, since_correction)


def time_stamps(
    time: Float[np.ndarray, " report"], errors: ClockErrors, random: RandomSource
) -> Float[np.ndarray, " report"]:
    """When the network says that reports came [s]: later by a uniform delay."""
    return time + errors.stamp_jitter * random.random(time.shape)
