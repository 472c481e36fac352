"""LocUNet's input: radio maps, levels, positions of the strongest cells and the city as grey pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from raylocus.errors import InputError
from raylocus.evaluation.baselines.locunet.network import CELLS, SMALLEST_SIDE
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.network.reports.reports import Reports

#: Levels [dBm] that are black and white.
BLACK, WHITE = -140.0, -40.0


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
