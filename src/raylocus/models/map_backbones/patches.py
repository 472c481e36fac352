"""Patches of a raster as tokens, and how they know where they are."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

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
