"""Uplink traffic of a UE: bursts, the buffer that they fill, and the requests that they cost (TS 38.321 §5.4.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.random_streams import RandomSource
from raylocus.network.rrc.filtering import reports_by_step

#: Bursts that are followed between two reports; where more are expected the buffer has forgotten anyway.
MOST_BURSTS = 16
#: Largest share of the uplink that bursts may ask for; a sender slows down before its queue runs away.
MOST_BUSY = 0.98


@dataclass(frozen=True)
class Traffic:
    """Bursts of a UE's uplink: Poisson arrivals of exponential size (FTP model 3 with random size)."""

    bursts_per_second: float = 0.5
    mean_burst: float = 20_000.0
    """Mean size of a burst [byte]; less where the uplink could not carry them."""


def buffered(
    uplink_rate: Float[np.ndarray, "report"],
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    traffic: Traffic,
    random: RandomSource,
) -> Float[np.ndarray, "report"]:
    """Bytes waiting at each report: the workload of an M/M/1 queue, carried from report to report.

    A sequence begins in the stationary state, P(empty) = 1 − ρ and an exponential size of mean S/(1 − ρ)
    otherwise; afterwards the uplink empties what was left while bursts arrive. NaN without an uplink.

    Args:
        uplink_rate: what the uplink carries [bit/s]; NaN where there is none.
        time: of the reports [s].
        report_offsets: reports of each sequence.
        traffic: the bursts.
        random: source of all random numbers.
    """
    uniform = random.random((len(time), 2 + 2 * MOST_BURSTS))
    drain = np.maximum(np.nan_to_num(uplink_rate), 1.0) / 8
    burst = np.minimum(traffic.mean_burst, MOST_BUSY * drain / traffic.bursts_per_second)
    busy = traffic.bursts_per_second * burst / drain
    exponential = -np.log1p(-uniform)
    size = exponential[:, 1] * burst / (1 - busy)
    waiting = np.where(uniform[:, 0] < busy, size, 0.0)
    gaps = exponential[:, 2 : 2 + MOST_BURSTS] / traffic.bursts_per_second
    sizes = exponential[:, 2 + MOST_BURSTS :] * burst[:, None]
    for now in reports_by_step(report_offsets):
        elapsed = time[now] - time[now - 1]
        carried = _workload(waiting[now - 1], drain[now], elapsed, gaps[now], sizes[now])
        remembers = elapsed * traffic.bursts_per_second < MOST_BURSTS / 2
        waiting[now] = np.where(remembers, carried, waiting[now])
    return np.where(np.isnan(uplink_rate), np.nan, np.ceil(waiting))


def _workload(
    waiting: Float[np.ndarray, "chosen"],
    drain: Float[np.ndarray, "chosen"],
    elapsed: Float[np.ndarray, "chosen"],
    gaps: Float[np.ndarray, "chosen burst"],
    sizes: Float[np.ndarray, "chosen burst"],
) -> Float[np.ndarray, "chosen"]:
    """What is left after `elapsed` [s] of draining [byte/s] and of bursts that come after these gaps [s]."""
    left = elapsed.copy()
    for gap, size in zip(gaps.T, sizes.T, strict=True):
        arrives = gap < left
        step = np.minimum(gap, left)
        waiting = np.maximum(waiting - drain * step, 0.0) + np.where(arrives, size, 0.0)
        left = left - step
    return np.maximum(waiting - drain * left, 0.0)


def scheduling_request_rate(
    uplink_rate: Float[np.ndarray, "report"], traffic: Traffic
) -> Float[np.ndarray, "report"]:
    """Scheduling requests per second over an uplink [bit/s]: a burst that finds the buffer empty asks, λ(1 − ρ)."""
    offered = traffic.bursts_per_second * traffic.mean_burst * 8
    return traffic.bursts_per_second * (1 - np.minimum(offered / np.maximum(uplink_rate, 1.0), MOST_BUSY))
