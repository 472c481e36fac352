"""`AreaNetwork`: rows of tokens to densities over the ground.

Its encoder is a set transformer that sees distances and directions between tokens, and no absolute ones. Turning or
mirroring a network turns and mirrors every answer by construction, so nothing has to be learned of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.area.field import COEFFICIENTS, EXPERTS, Field
from raylocus.models.area.tokens import TOKEN_FEATURES, AreaTokens

#: What a pair of tokens is described by.
PAIR_FEATURES = 4
#: Width of the network that turns it into attention.
PAIR_WIDTH = 16


class Encoder(nn.Module):
    """Tokens with features, and what they are to each other, to a vector a token."""

    def __init__(self, features: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.token = nn.Linear(features, width)
        self.context = nn.Sequential(nn.Linear(context, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.pair = nn.Sequential(
            nn.Linear(PAIR_FEATURES, PAIR_WIDTH), nn.GELU(), nn.Linear(PAIR_WIDTH, heads * layers)
        )
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, features: Float[Tensor, "report token feature"], context: Float[Tensor, "report context"],
        pairs: Float[Tensor, "report token token pair"], present: Bool[Tensor, "report token"],
    ) -> Float[Tensor, "report token width"]:  # fmt: skip
        """A vector a token; those of absent tokens mean nothing."""
        tokens = self.token(features) + self.context(context)[:, None]
        bias = self.pair(pairs).movedim(-1, 1).masked_fill(~present[:, None, None], -1e4)
        for block, own in zip(self.blocks, bias.chunk(len(self.blocks), dim=1), strict=True):
            tokens = block(tokens, own)
        encoded: Tensor = self.norm(tokens)
        return encoded


class Block(nn.Module):
    """Attention with a bias a pair, then a small network a token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(
        self, tokens: Float[Tensor, "report token width"], bias: Float[Tensor, "report head token token"]
    ) -> Float[Tensor, "report token width"]:
        """The tokens after one round of attention."""
        batch, count, width = tokens.shape
        split = (
            self.queries(self.before(tokens)).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        met = functional.scaled_dot_product_attention(split[0], split[1], split[2], attn_mask=bias)
        tokens = tokens + self.joined(met.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.inner(self.between(tokens))


def pair_features(
    position: Float[Tensor, "report token 2"], direction: Float[Tensor, "report token 2"]
) -> Float[Tensor, "report token token pair"]:
    """Distance of each pair, whether it is one site, and how far each antenna looks towards the other."""
    # Axis by axis: sums over an axis of two are many times slower.
    (east, north), (towards_east, towards_north) = (
        each.unbind(-1) for each in (position, direction[:, :, None])
    )
    x, y = (each[:, None, :] - each[:, :, None] for each in (east, north))
    distance = torch.sqrt(x.square() + y.square() + 1e-8)
    facing = (x * towards_east + y * towards_north) / distance
    return torch.stack(
        [torch.log(distance + 0.05), (distance < 0.01).float(), facing, facing.transpose(1, 2)], dim=-1
    )


#: Numbers of a report and its network.
CONTEXT = 46
#: What the coefficients are before training: broad laws that hold the UE near its anchors.
INITIAL = (-0.5, 0.0, -1.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class AreaShape:
    """Size of the network."""

    width: int = 64
    """Numbers a token is carried by."""
    layers: int = 3
    """Rounds of attention."""
    heads: int = 4
    """Kinds of attention."""


@dataclass(frozen=True)
class AreaBatch:
    """Rows of tokens as tensors."""

    features: Float[Tensor, "report token feature"]
    position: Float[Tensor, "report token 2"]
    direction: Float[Tensor, "report token 2"]
    range: Float[Tensor, "report token"]
    range_error: Float[Tensor, "report token"]
    present: Bool[Tensor, "report token"]
    report: Float[Tensor, "report context"]

    @classmethod
    def of(cls, tokens: AreaTokens) -> AreaBatch:
        """The tensors of rows."""
        return cls(
            **{
                name: torch.from_numpy(np.ascontiguousarray(getattr(tokens, name)))
                for name in cls.__dataclass_fields__
            }
        )

    def filled(self) -> AreaBatch:
        """The same without the places of tokens that no report has."""
        some = self.present.any(0).nonzero()[:, 0]
        columns = {
            name: getattr(self, name).index_select(1, some)
            for name in self.__dataclass_fields__
            if name != "report"
        }
        return replace(self, **columns)


class AreaNetwork(nn.Module):
    """Encodes tokens and answers with fields."""

    def __init__(self, shape: AreaShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(TOKEN_FEATURES, CONTEXT, shape.width, shape.layers, shape.heads)
        self.head = nn.Linear(shape.width, EXPERTS * COEFFICIENTS)
        self.mixed = nn.Linear(shape.width, EXPERTS)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.copy_(torch.tensor(INITIAL).repeat(EXPERTS) + self.head.bias)

    def forward(self, batch: AreaBatch) -> Field:
        """The field of each report."""
        pairs = pair_features(batch.position, batch.direction)
        encoded = self.encoder(batch.features, batch.report, pairs, batch.present)
        coefficients = self.head(encoded).unflatten(-1, (EXPERTS, COEFFICIENTS)).clamp(-6, 6)
        there = batch.present[..., None]
        pooled = (encoded * there).sum(1) / there.sum(1)
        return Field(
            batch.position, batch.direction, batch.range, batch.range_error, batch.present, coefficients,
            self.mixed(pooled).log_softmax(-1),
        )  # fmt: skip
