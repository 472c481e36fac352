"""Layers over a masked set or sequence, attention and what it is compared with; and one that starts from nothing."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

#: Scales and exponents are larger or smaller than for most sequences by up to e to this power.
GATE_RANGE = 2.0


class SetBlock(nn.Module):
    """Pre-norm self-attention over a masked set, then a feed-forward layer (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, tokens: Float[Tensor, "set element width"], present: Bool[Tensor, "set element"]
    ) -> Float[Tensor, "set element width"]:
        """Tokens updated by those present; the result at absent ones means nothing."""
        normed = self.norm(tokens)
        # A set with nothing in it would give NaN: it attends to itself and is masked by the caller.
        hidden = ~present & present.any(1, keepdim=True)
        attended, _ = self.attention(normed, normed, normed, key_padding_mask=hidden, need_weights=False)
        tokens = tokens + attended
        return tokens + self.feed_forward(tokens)


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


#: Reports that one layer sees: the one before, the report itself, the one after.
KERNEL = 3


class TimeConvolution(nn.Module):
    """Pre-norm convolution over neighbouring reports, then a layer of its own for each, with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, 2 * width, KERNEL, padding=KERNEL // 2)
        self.output = nn.Sequential(nn.GELU(), nn.Linear(2 * width, width))

    def forward(
        self, reports: Float[Tensor, "batch time width"], present: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time width"]:
        """Reports updated by their neighbours in time; the result at absent ones means nothing."""
        normed = self.norm(reports) * present[..., None]
        return reports + self.output(self.convolution(normed.transpose(1, 2)).transpose(1, 2))


class Recurrence(nn.Module):
    """Pre-norm gated recurrent unit (Cho et al. 2014) with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.unit = nn.GRU(width, width, batch_first=True)

    def forward(
        self, reports: Float[Tensor, "batch time width"], present: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time width"]:
        """Reports updated by those before them; the result at absent ones means nothing."""
        # Absent reports go to the end, where no state that counts has passed through them.
        order = torch.argsort(~present, dim=1, stable=True)[..., None].expand_as(reports)
        states, _ = self.unit(self.norm(reports).gather(1, order))
        return reports + torch.zeros_like(reports).scatter(1, order, states)


def zero_linear(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A layer that says nothing at the start of training."""
    layer = nn.Linear(inputs, outputs, bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def gated(logarithm: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """What a scale's or an exponent's logarithm is changed by: within `GATE_RANGE` of 0, and as it is near 0."""
    return GATE_RANGE * torch.tanh(logarithm / GATE_RANGE)
