"""Losses whose gradients are worked out where the loss is, so that the places of a batch can be side by side.

PyTorch goes back through one graph of the CPU in one thread. A part of a batch that has its own graph goes back in the
thread that made it; what the optimiser sees is the weighted sum of their gradients, as from one graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class KnownLoss:
    """A loss and its gradients, without the graph that they came from."""

    loss: Float[Tensor, ""]
    gradients: tuple[Tensor | None, ...]
    """By each of the weights; None where the loss does not depend on one."""

    def attached(self, weights: Sequence[Tensor]) -> Float[Tensor, ""]:
        """The loss as a function of the weights, which whoever differentiates it gets the gradients of."""
        loss: Tensor = _Attached.apply(self, *weights)
        return loss


def loss_and_gradients(loss: Callable[[], Tensor], weights: Sequence[Tensor]) -> KnownLoss:
    """Works out a loss and its gradients by some weights, in the thread that asks."""
    with torch.enable_grad():
        found = loss()
        return KnownLoss(found.detach(), torch.autograd.grad(found, tuple(weights), allow_unused=True))


class _Attached(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, known: KnownLoss, *weights: Tensor) -> Tensor:
        ctx.gradients = known.gradients
        return known.loss.clone()

    # PyTorch's stubs have any number of gradients here; there are as many as `forward` gives results.
    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # pyrefly: ignore[bad-override]
        return None, *(None if each is None else upstream * each for each in ctx.gradients)
