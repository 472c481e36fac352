"""Fine-tuning of few weights by tags: biases and gains, held near where they start (L2-SP, arXiv:1802.01483)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.area.area_network import AreaNetwork

#: Learning rate, and the pull to the start: a weight that is 1 away costs this many nats a tag.
RATE, PULL = 3e-3, 1.0
#: After how many steps it may end; the more tags, the more of them are tried.
ENDS = (0, 5, 10, 20, 40)
#: Tags an end needs for each of its steps.
TAGS_A_STEP = 2.0


def ends_for(tags: int) -> tuple[int, ...]:
    """The numbers of steps that are tried with so many tags."""
    return tuple(end for end in ENDS if end * TAGS_A_STEP <= tags)


def fine_tuned(
    network: AreaNetwork, loss: Callable[[AreaNetwork, int], Float[Tensor, ""]], ends: tuple[int, ...]
) -> Iterator[AreaNetwork]:
    """A copy of the network after each of some numbers of steps; the same object, further trained each time.

    Args:
        network: where it starts; stays as it is.
        loss: mean loss of a network over some tags, in a step.
        ends: numbers of steps, ascending.
    """
    tuned = copy.deepcopy(network).requires_grad_(False)
    weights = [each.requires_grad_(True) for each in tuned.parameters() if each.ndim == 1]
    start = [each.detach().clone() for each in weights]
    optimizer = torch.optim.Adam(weights, RATE)
    step = 0
    for end in ends:
        for number in range(step, end):
            away = torch.stack(
                [(own - was).square().sum() for own, was in zip(weights, start, strict=True)]
            ).sum()
            optimizer.zero_grad()
            (loss(tuned, number) + PULL * away).backward()
            optimizer.step()
        step = end
        yield tuned
