"""LocUNet's network: a U-Net on radio maps and levels as pictures, whose answer is a centre of mass.

Written from the description of the published network (Yapar, Levie, Kutyniok and Caire, arXiv:2202.00738): its layers,
its centre of mass over raw activations and its loss. No code or weight of the original is used.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

#: Cells of an input, and its planes: a map, a level and a position of each, and the city.
CELLS = 5
PLANES = 3 * CELLS + 1
#: Blocks of the encoder: channels, side of the kernel, side of the average pooling after it.
ENCODER = (
    *((20, 3, 1), (50, 5, 2), (60, 5, 2), (70, 5, 1), (90, 5, 2), (100, 5, 1), (120, 5, 2), (120, 3, 1)),
    *((135, 5, 1), (150, 5, 2), (225, 5, 1), (300, 5, 2), (400, 5, 1), (500, 5, 2)),
)
#: Blocks of the decoder: channels, side of the kernel; 0 is a doubled resolution and a 1×1 convolution.
DECODER = (
    *((400, 0), (300, 5), (225, 0), (150, 5), (135, 0), (120, 5), (120, 3), (100, 0)),
    *((90, 5), (70, 0), (60, 5), (50, 0), (20, 0), (20, 5), (1, 5)),
)
#: Slope of the leaky rectifiers, and what keeps the centre of mass from a division by nothing.
SLOPE, LEAST_MASS = 0.2, 1e-7
#: The encoder halves its input seven times: sides are multiples of this.
SMALLEST_SIDE = 128


class LocUNet(nn.Module):
    """From planes to a position in pixels; 22.3 million weights."""

    def __init__(self) -> None:
        super().__init__()
        widths = [PLANES, *(out for out, _, _ in ENCODER)]
        self.encoder = nn.ModuleList(
            nn.Sequential(_convolution(given, out, kernel), nn.AvgPool2d(pooling))
            for given, (out, kernel, pooling) in zip(widths, ENCODER, strict=False)
        )
        self.decoder, given = nn.ModuleList(), widths[-1]
        # The first block has no partner; the others have those of the encoder from the last but one to the input.
        joined = [0, *widths[-2:0:-1], PLANES]
        joined[-2] += PLANES
        for (out, kernel), more in zip(DECODER, joined, strict=True):
            self.decoder.append(
                _upsampled(given + more, out) if kernel == 0 else _convolution(given + more, out, kernel)
            )
            given = out

    def forward(self, planes: Float[Tensor, "batch plane y x"]) -> Float[Tensor, "batch 2"]:
        """Column and row of each position [pixel]: the centre of mass of raw activations, negative ones included."""
        skips, value = [planes], planes
        for block in self.encoder:
            value = block(value)
            skips.append(value)
        # The input is joined a second time, before the last block but one.
        partners = [[], *([one] for one in skips[-2:1:-1]), [skips[1], planes], [planes]]
        for block, joined in zip(self.decoder, partners, strict=True):
            value = block(torch.cat([value, *joined], dim=1))
        return centre_of_mass(value[:, 0])


def centre_of_mass(heat: Float[Tensor, "batch y x"]) -> Float[Tensor, "batch 2"]:
    """Column and row [pixel]: the mean of the pixels' coordinates, each weighted by its value, whatever its sign."""
    mass = heat.sum(dim=(1, 2)) + LEAST_MASS
    column, row = (torch.arange(side, device=heat.device, dtype=heat.dtype) for side in heat.shape[:0:-1])
    return torch.stack([heat.sum(dim=1) @ column, heat.sum(dim=2) @ row], dim=1) / mass[:, None]


def _convolution(given: int, out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(given, out, kernel, padding=kernel // 2), nn.LeakyReLU(SLOPE))


def _upsampled(given: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), *_convolution(given, out, 1))
