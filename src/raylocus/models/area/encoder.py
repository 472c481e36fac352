"""A set transformer over tokens that sees distances and directions between them, and no absolute ones.

Turning or mirroring a network turns and mirrors every answer by construction, so nothing has to be learned of it.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

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
    step = position[:, None, :] - position[:, :, None]
    distance = torch.sqrt(step.square().sum(-1) + 1e-8)
    facing = torch.einsum("bijc,bic->bij", step, direction) / distance
    return torch.stack(
        [torch.log(distance + 0.05), (distance < 0.01).float(), facing, facing.transpose(1, 2)], dim=-1
    )
