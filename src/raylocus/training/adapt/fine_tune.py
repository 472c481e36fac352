"""Fine-tuning of few weights by tags: held near where they start (L2-SP, arXiv:1802.01483)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

#: Learning rate, and the pull to the start: a weight that is 1 away costs this many nats a tag.
RATE, PULL = 3e-3, 1.0
#: After how many steps it may end; the more tags, the more of them are tried.
ENDS = (0, 5, 10, 20, 40)
#: Tags an end needs for each of its steps.
TAGS_A_STEP = 2.0

Network = TypeVar("Network", bound=nn.Module)
#: Weights that are tuned, each with its learning rate.
Rated = list[tuple[nn.Parameter, float]]


def ends_for(tags: int) -> tuple[int, ...]:
    """The numbers of steps that are tried with so many tags."""
    return tuple(end for end in ENDS if end * TAGS_A_STEP <= tags)


def biases_and_gains(network: nn.Module) -> Rated:
    """All weights that are vectors."""
    return [(each, RATE) for each in network.parameters() if each.ndim == 1]


def fine_tuned(
    network: Network,
    loss: Callable[[Network, int], Float[Tensor, ""]],
    ends: tuple[int, ...],
    tuned_weights: Callable[[nn.Module], Rated] = biases_and_gains,
    pull: float = PULL,
) -> Iterator[Network]:
    """A copy of the network after each of some numbers of steps; the same object, further trained each time.

    Args:
        network: where it starts; stays as it is.
        loss: mean loss of a network over some tags, in a step.
        ends: numbers of steps, ascending.
        tuned_weights: which weights are tuned, and how fast.
        pull: to the start, as `PULL`.
    """
    tuned = copy.deepcopy(network).requires_grad_(False)
    rated = [(each.requires_grad_(True), rate) for each, rate in tuned_weights(tuned)]
    weights = [each for each, _ in rated]
    start = [each.detach().clone() for each in weights]
    optimizer = torch.optim.Adam([{"params": [each], "lr": rate} for each, rate in rated])
    step = 0
    for end in ends:
        for number in range(step, end):
            away = torch.stack(
                [(own - was).square().sum() for own, was in zip(weights, start, strict=True)]
            ).sum()
            optimizer.zero_grad()
            (loss(tuned, number) + pull * away).backward()
            optimizer.step()
        step = end
        yield tuned


def best_end(ends: tuple[int, ...], costs: Float[np.ndarray, "end tag"]) -> int:
    """The number of steps after which held-out tags are found best, 0 unless surely more.

    Args:
        ends: numbers of steps, the first of them 0.
        costs: of each held-out tag after each of them [nats].
    """
    gain = costs[0] - costs
    sure = gain.mean(1) - gain.std(1) / np.sqrt(gain.shape[1])
    return ends[int(np.argmax(np.where(sure > 0, gain.mean(1), 0.0)))]
