"""A bearer in acknowledged mode: its queue, retransmissions, round trips and throughput."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.random_streams import RandomSource
from raylocus.network.rrc.measurement_configuration import check_listed


def waiting_times(
    service: Float[np.ndarray, "*batch packet"],
    gap: Float[np.ndarray, "*batch packet"],
    first: Float[np.ndarray, "*batch"] | float = 0.0,
) -> Float[np.ndarray, "*batch packet"]:
    """Time each packet waits before it is transmitted [s]: Lindley's W_{n+1} = max(0, W_n + S_n − A_{n+1}).

    The recursion is a random walk less its running minimum below zero, so it needs no loop.

    `service` is the time to send each packet, `gap` that since the packet before arrived, of which the first does not
    matter, and `first` how long the first one waits for what was left in the queue [s].
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

    Sizes in bits; gaps as those of `waiting_times`, delays from each packet's arrival to its delivery [s].
    """
    arrival = np.cumsum(gap, axis=-1)
    duration = (arrival + delay).max(axis=-1) - arrival[..., 0]
    return sizes.sum(axis=-1) / duration


#: Values of maxRetxThreshold, and of t-PollRetransmit and t-StatusProhibit [s] (TS 38.331 RLC-Config).
RETRANSMISSION_LIMITS = (1, 2, 3, 4, 6, 8, 16, 32)
POLL_TIMERS = (
    *(0.001, 0.002, 0.003, 0.004),
    *(value / 1000 for value in range(5, 255, 5)),
    *(0.3, 0.35, 0.4, 0.45, 0.5, 0.8, 1.0, 2.0, 4.0),
)
STATUS_TIMERS = (
    *(value / 1000 for value in range(0, 255, 5)),
    *(0.3, 0.35, 0.4, 0.45, 0.5, 0.8, 1.0, 1.2, 1.6, 2.0, 2.4),
)


@dataclass(frozen=True)
class AcknowledgedMode:
    """Timers of one AM bearer."""

    poll_retransmit: float = 0.045
    """t-PollRetransmit [s]: a poll without an answer is sent again after this."""
    status_prohibit: float = 0.015
    """t-StatusProhibit [s]: least time between two status reports."""
    most_retransmissions: int = 8
    """maxRetxThreshold: then the radio link fails."""
    air_delay: float = 0.004
    """One way over the air, HARQ included [s]."""

    def __post_init__(self) -> None:
        check_listed("maxRetxThreshold", self.most_retransmissions, RETRANSMISSION_LIMITS)
        check_listed("t-PollRetransmit [s]", self.poll_retransmit, POLL_TIMERS)
        check_listed("t-StatusProhibit [s]", self.status_prohibit, STATUS_TIMERS)

    @property
    def round_trip(self) -> float:
        """RTT without loss [s]: the PDU out, and a status back once it is allowed."""
        return 2 * self.air_delay + self.status_prohibit / 2


def deliver(
    loss: Float[np.ndarray, "report pdu"],
    status_loss: float,
    mode: AcknowledgedMode,
    random: RandomSource,
) -> tuple[Int[np.ndarray, "report pdu"], Float[np.ndarray, "report pdu"]]:
    """Sends PDUs that are each lost with a probability at every transmission.

    A retransmission waits for the status that names the loss: the poll goes out and the status comes
    back (two air delays), uniformly delayed by t-StatusProhibit; a status that is lost costs another
    t-PollRetransmit.

    `loss` is the probability that HARQ gives up each PDU, `status_loss` that a status is lost.

    Returns:
        Retransmissions, and time from the first transmission to the arrival [s]; NaN where it never came: the radio
        link failed.
    """
    rounds = mode.most_retransmissions
    uniform = random.random((*loss.shape, rounds + 1))
    lost = uniform < loss[..., None]
    # Transmissions until the first that arrives.
    arrived = ~lost.all(axis=-1)
    retransmissions = np.where(arrived, (~lost).argmax(axis=-1), rounds)
    waits = random.random((*loss.shape, rounds, 2))
    repeats = np.floor(np.log(np.maximum(waits[..., 1], 1e-300)) / np.log(max(status_loss, 1e-300)))
    each = 2 * mode.air_delay + mode.status_prohibit * waits[..., 0] + mode.poll_retransmit * repeats
    waited = np.where(np.arange(rounds) < retransmissions[..., None], each, 0.0).sum(axis=-1)
    return retransmissions, np.where(arrived, mode.air_delay + waited, np.nan)
