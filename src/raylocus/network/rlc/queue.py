"""Latency, jitter and throughput of a bearer by a single-server queue."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def waiting_times(
    service: Float[np.ndarray, "*batch packet"], gap: Float[np.ndarray, "*batch packet"]
) -> Float[np.ndarray, "*batch packet"]:
    """Time each packet waits before it is served [s]: Lindley's W_{n+1} = max(0, W_n + S_n − A_{n+1}).

    The recursion is a random walk less its running minimum, so it needs no loop.

    Args:
        service: time to send each packet [s].
        gap: time since the packet before arrived [s]; the first one's does not matter.
    """
    steps = service[..., :-1] - gap[..., 1:]
    walk = np.concatenate([np.zeros((*steps.shape[:-1], 1)), np.cumsum(steps, axis=-1)], axis=-1)
    return walk - np.minimum.accumulate(walk, axis=-1)


def latency(
    service: Float[np.ndarray, "*batch packet"],
    gap: Float[np.ndarray, "*batch packet"],
    extra: Float[np.ndarray, "*batch packet"],
) -> Float[np.ndarray, "*batch packet"]:
    """Time from a packet's arrival to its delivery [s]: waiting, service, and what RLC and the air add."""
    return waiting_times(service, gap) + service + extra


def jitter(delay: Float[np.ndarray, "*batch packet"]) -> Float[np.ndarray, "*batch"]:
    """Mean |difference| of the delays of packets in a row [s]: the mean that RFC 3550 §6.4.1 smooths."""
    return np.abs(np.diff(delay, axis=-1)).mean(axis=-1)


def bearer_throughput(
    sizes: Float[np.ndarray, "*batch packet"],
    gap: Float[np.ndarray, "*batch packet"],
    delay: Float[np.ndarray, "*batch packet"],
) -> Float[np.ndarray, "*batch"]:
    """Bits per second of a bearer: what was delivered, from the first arrival to the last delivery."""
    arrival = np.cumsum(gap, axis=-1)
    duration = (arrival + delay).max(axis=-1) - arrival[..., 0]
    return 8 * sizes.sum(axis=-1) / duration
