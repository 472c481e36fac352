"""Convolutions at three scales with attention at the coarsest: near and far at once."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.map_backbones.convolutional import Convolutional
from raylocus.models.map_backbones.patches import PATCH_HEADS, TOKEN_FACTOR, enlarged, patch_tokens
from raylocus.models.set_layers.attention import SetBlock


class MultiResolution(nn.Module):
    """A pyramid of 8, 16 and 32 m, put together from the coarsest down (Lin et al. 2017)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.fine = Convolutional(inputs, width)
        self.middle = Convolutional(width, width)
        self.coarse = Convolutional(width, TOKEN_FACTOR * width)
        self.attention = SetBlock(TOKEN_FACTOR * width, PATCH_HEADS)
        self.down = nn.Conv2d(TOKEN_FACTOR * width, width, 1)
        self.leave = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Float[Tensor, "map inputs y x"]) -> Float[Tensor, "map width y x"]:
        """Features of every coarse cell."""
        fine = self.fine(maps)
        middle = self.middle(functional.avg_pool2d(fine, 2, ceil_mode=True))
        coarse = self.coarse(functional.avg_pool2d(middle, 2, ceil_mode=True))
        tokens = patch_tokens(coarse)
        tokens = self.attention(tokens, tokens.new_ones(tokens.shape[:2]).bool())
        far = self.down(tokens.transpose(1, 2).unflatten(-1, coarse.shape[-2:]))
        middle = middle + enlarged(far, *middle.shape[-2:])
        return functional.gelu(self.leave(fine + enlarged(middle, *fine.shape[-2:])))
