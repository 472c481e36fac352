"""Self-attention over a set: every element looks at every other."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn


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
