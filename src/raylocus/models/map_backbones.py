"""What a map encoder may be: convolutions near by, patches that look at each other, both at three scales."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.set_layers import SetBlock

#: Coarse cells along a side of a patch: 32 m.
PATCH = 4
#: Width of a patch's token, for each channel of the result: it holds the position as well.
TOKEN_FACTOR = 4
#: Heads of attention over patches.
PATCH_HEADS = 4
#: Shortest and longest wave that a patch's position is written in [patches].
WAVES = (4.0, 64.0)


def whole_patches(maps: Float[Tensor, "map channel y x"]) -> Float[Tensor, "map channel rows columns"]:
    """Maps with zeros at their far edges, so that they divide into patches."""
    down, right = (-side % PATCH for side in maps.shape[-2:])
    return functional.pad(maps, (0, right, 0, down))


def patch_positions(rows: int, columns: int, width: int, like: Tensor) -> Float[Tensor, "patch width"]:
    """Sines and cosines of each patch's place about the middle, in flat [row, column] order (Vaswani et al. 2017).

    Args:
        rows: patches along y.
        columns: patches along x.
        width: length of a position, a multiple of 4.
        like: a tensor of the type and device that is wanted.
    """
    shortest, longest = map(math.log10, WAVES)
    wave = torch.logspace(shortest, longest, width // 4).to(like)
    axes = [(torch.arange(count).to(like) - (count - 1) / 2)[:, None] for count in (rows, columns)]
    phases = [2 * torch.pi * axis / wave for axis in axes]
    row, column = (torch.cat([torch.sin(phase), torch.cos(phase)], -1) for phase in phases)
    return torch.cat([row[:, None].expand(-1, columns, -1), column[None].expand(rows, -1, -1)], -1).flatten(
        0, 1
    )


def patch_tokens(maps: Float[Tensor, "map width rows columns"]) -> Float[Tensor, "map patch width"]:
    """A token for each cell of a raster of patches, with its position."""
    width, rows, columns = maps.shape[1:]
    return maps.flatten(2).transpose(1, 2) + patch_positions(rows, columns, width, maps)


def enlarged(
    maps: Float[Tensor, "map width rows columns"], height: int, width: int
) -> Float[Tensor, "map width y x"]:
    """Maps interpolated to more cells."""
    return functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


class Convolutional(nn.Sequential):
    """Two convolutions over maps [map, inputs, y, x], to [map, width, y, x]."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
        )
        # Convolutions on the CPU are several times faster in this layout.
        self.to(memory_format=torch.channels_last)  # pyrefly: ignore[no-matching-overload]


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
