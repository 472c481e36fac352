"""Cross-attention between the patches of two encoded maps."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.map_backbones.patches import (
    PATCH,
    PATCH_HEADS,
    TOKEN_FACTOR,
    enlarged,
    patch_tokens,
    whole_patches,
)


class PatchCrossing(nn.Module):
    """Patches of some maps look at the patches of one other map; what they find is added to their cells."""

    def __init__(self, width: int) -> None:
        super().__init__()
        token = TOKEN_FACTOR * width
        self.own = nn.Conv2d(width, token, 1)
        self.other = nn.Conv2d(width, token, 1)
        self.attention = nn.MultiheadAttention(token, PATCH_HEADS, batch_first=True)
        self.output = nn.Conv2d(token, width, 1)

    def forward(
        self, maps: Float[Tensor, "map width y x"], other: Float[Tensor, "1 width y x"]
    ) -> Float[Tensor, "map width y x"]:
        """The maps with what their patches found in the other."""
        own = self.own(_pooled(maps))
        queries = patch_tokens(own)
        keys = patch_tokens(self.other(_pooled(other))).expand(len(maps), -1, -1)
        found, _ = self.attention(queries, keys, keys, need_weights=False)
        added = self.output(found.transpose(1, 2).unflatten(-1, own.shape[-2:]))
        height, width = (PATCH * side for side in added.shape[-2:])
        return maps + enlarged(added, height, width)[..., : maps.shape[-2], : maps.shape[-1]]


def _pooled(maps: Float[Tensor, "map width y x"]) -> Float[Tensor, "map width rows columns"]:
    return functional.avg_pool2d(whole_patches(maps), PATCH)
