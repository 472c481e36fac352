"""LocUNet's network: a U-Net on radio maps and levels as pictures, whose answer is a centre of mass.

Written from the description of the published network (Yapar, Levie, Kutyniok and Caire, arXiv:2202.00738): its layers,
its centre of mass over raw activations and its loss. No code or weight of the original is used.

Its input, radio maps, levels, positions of the strongest cells and the city as grey pictures, is made here too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from raylocus.errors import InputError
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.network.reports.reports import Reports

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
#: Levels [dBm] that are black and white.
BLACK, WHITE = -140.0, -40.0


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
        partners: list[list[Tensor]] = [[], *([one] for one in skips[-2:1:-1]), [skips[1], planes], [planes]]
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


@dataclass(frozen=True, eq=False)
class PlacePictures:
    """A place as pictures of one side, made once for all its sequences."""

    level: Float[Tensor, "cell y x"]
    """Grey of R's levels."""
    city: Float[Tensor, "y x"]
    """1 where there is a building."""
    site: Int[Tensor, "cell 2"]
    """Column and row of each cell's site; the nearest pixel of one outside."""
    size: float
    """Side of the tile [m]."""

    @property
    def pixel(self) -> float:
        """Side of a pixel [m]."""
        return self.size / self.level.shape[-1]

    def planes(self, rsrp: Float[np.ndarray, "report cell"]) -> Float[Tensor, "report plane y x"]:
        """The input of some reports: the strongest cells first; planes of cells that are missing are black."""
        return torch.stack([self._planes(row) for row in torch.from_numpy(rsrp).float()])

    def _planes(self, rsrp: Float[Tensor, " cell"]) -> Float[Tensor, "plane y x"]:
        order = torch.argsort(torch.nan_to_num(rsrp, nan=BLACK), descending=True, stable=True)
        planes = self.level.new_zeros(3, CELLS, *self.city.shape)
        for rank, cell in enumerate(order[:CELLS]):
            if torch.isfinite(rsrp[cell]):
                column, row = self.site[cell]
                planes[0, rank] = self.level[cell]
                planes[1, rank] = grey(rsrp[cell])
                planes[2, rank, row, column] = 1.0
        return torch.cat([planes.flatten(0, 1), self.city[None]])


def place_pictures(maps: NominalMaps, side: int) -> PlacePictures:
    """The pictures of a place.

    Args:
        maps: the place.
        side: pixels of a side.

    Raises:
        InputError: the encoder cannot halve a side of so many pixels.
    """
    if side < SMALLEST_SIDE or side % SMALLEST_SIDE:
        raise InputError(
            f"LocUNet's pictures have a side of a multiple of {SMALLEST_SIDE} pixels, not {side}"
        )
    deployment, size = maps.deployment, float(maps.tile.size)
    position = deployment.site_positions[deployment.site_of_cell, :2]
    pixel = np.clip((position + size / 2) / size * side, 0, side - 1).astype(np.int64)
    return PlacePictures(
        level=_picture(grey(torch.from_numpy(maps.level)), side),
        city=_picture(torch.from_numpy(1 - maps.outdoor)[None], side)[0],
        site=torch.from_numpy(pixel),
        size=size,
    )


def last_levels(reports: Reports, maps: NominalMaps) -> Float[np.ndarray, "sample cell"]:
    """RSRP of each sequence's last report [dBm], NaN where a cell is not reported."""
    observed = observations(reports, maps.deployment)
    return observed.rsrp[observed.last]


def grey(level: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Levels [dBm] from 0 to 1."""
    return ((level - BLACK) / (WHITE - BLACK)).clamp(0, 1)


def _picture(raster: Float[Tensor, "layer y x"], side: int) -> Float[Tensor, "layer side side"]:
    return functional.interpolate(raster[None], (side, side), mode="bilinear", align_corners=False)[0]
