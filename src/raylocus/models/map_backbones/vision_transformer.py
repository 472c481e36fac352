"""Attention over patches: every part of the map looks at every other."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.map_backbones.patches import (
    PATCH,
    PATCH_HEADS,
    TOKEN_FACTOR,
    patch_tokens,
    whole_patches,
)
from raylocus.models.set_layers.attention import SetBlock

#: Attention layers.
LAYERS = 2


class VisionTransformer(nn.Module):
    """Patches, attention, and each patch's own cells again (Dosovitskiy et al. 2021)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        token = TOKEN_FACTOR * width
        self.enter = nn.Conv2d(inputs, token, PATCH, stride=PATCH)
        self.blocks = nn.ModuleList(SetBlock(token, PATCH_HEADS) for _ in range(LAYERS))
        self.leave = nn.Conv2d(token, width * PATCH**2, 1)

    def forward(self, maps: Float[Tensor, "map inputs y x"]) -> Float[Tensor, "map width y x"]:
        """Features of every coarse cell."""
        height, width = maps.shape[-2:]
        entered = self.enter(whole_patches(maps))
        tokens = patch_tokens(entered)
        everywhere = tokens.new_ones(tokens.shape[:2]).bool()
        for block in self.blocks:
            tokens = block(tokens, everywhere)
        cells = self.leave(tokens.transpose(1, 2).unflatten(-1, entered.shape[-2:]))
        return functional.gelu(functional.pixel_shuffle(cells, PATCH)[..., :height, :width])
