"""Latency, jitter and throughput of a bearer by a single-server queue."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def waiting_times(
    service: Float[np.ndarray, "*batch packet"],
    gap: Float[np.ndarray, "*batch packet"],
    first: Float[np.ndarray, "*batch"] | float = 0.0,
) -> Float[np.ndarray, "*batch packet"]:
    """Time each packet waits before it is served [s]: Lindley's W_{n+1} = max(0, W_n + S_n − A_{n+1}).

    The recursion is a random walk less its running minimum below zero, so it needs no loop.

    Args:
        service: time to send each packet [s].
        gap: time since the packet before arrived [s]; the first one's does not matter.
        first: time that the first packet waits [s]: what was left in the queue.
    """
    start = np.broadcast_to(np.asarray(first, np.float64)[..., None], (*service.shape[:-1], 1))
    steps = np.concatenate([start, service[..., :-1] - gap[..., 1:]], axis=-1)
    walk = np.cumsum(steps, axis=-1)
    return walk - np.minimum(np.minimum.accumulate(walk, axis=-1), 0.0)


def stationary_wait(
    uniform: Float[np.ndarray, "*batch 2"], service: Float[np.ndarray, "*batch"], load: float
) -> Float[np.ndarray, "*batch"]:
    """A wait [s] that a packet finds in an M/D/1 queue: none with 1 − ρ, else exponential of mean S/2(1 − ρ).

    Its mean ρS/2(1 − ρ) is Pollaczek's and Khinchine's; the exponential tail is the usual approximation.
    """
    size = -np.log1p(-uniform[..., 1]) * service / (2 * (1 - load))
    return np.where(uniform[..., 0] < load, size, 0.0)


def relaxation_time(service: Float[np.ndarray, "*batch"], load: float) -> Float[np.ndarray, "*batch"]:
    """Time [s] over which an M/M/1 queue forgets its length: S/(1 − √ρ)² (Cohen, The Single Server Queue, §II.2)."""
    return service / (1 - np.sqrt(load)) ** 2


def jitter(delay: Float[np.ndarray, "*batch packet"]) -> Float[np.ndarray, "*batch"]:
    """Mean |difference| of the delays of packets in a row [s]: the mean that RFC 3550 §6.4.1 smooths."""
    return np.abs(np.diff(delay, axis=-1)).mean(axis=-1)


def bearer_throughput(
    sizes: Float[np.ndarray, "*batch packet"],
    gap: Float[np.ndarray, "*batch packet"],
    delay: Float[np.ndarray, "*batch packet"],
) -> Float[np.ndarray, "*batch"]:
    """Bits per second of a bearer: what was delivered, from the first arrival to the last delivery.

    Args:
        sizes: of the packets [bit].
        gap: time since the packet before arrived [s]; the first one's does not matter.
        delay: from each packet's arrival to its delivery [s].
    """
    arrival = np.cumsum(gap, axis=-1)
    duration = (arrival + delay).max(axis=-1) - arrival[..., 0]
    return sizes.sum(axis=-1) / duration
