"""A multilayer perceptron over a set: every element sees itself and the mean of all."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class DeepSetsBlock(nn.Module):
    """Pre-norm perceptron of an element and the mean of its set, with a residual path (Zaheer et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, tokens: Float[Tensor, "set element width"], present: Bool[Tensor, "set element"]
    ) -> Float[Tensor, "set element width"]:
        """Tokens updated by the mean of those present; the result at absent ones means nothing."""
        normed = self.norm(tokens)
        there = present[..., None]
        mean = (normed * there).sum(1, keepdim=True) / there.sum(1, keepdim=True).clamp(min=1)
        return tokens + self.perceptron(torch.cat([normed, mean.expand_as(normed)], -1))
