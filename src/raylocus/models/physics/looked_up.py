"""Features looked up in R, bilinear: in torch, or the same evaluated by Dr.Jit with gradients through `dr.wrap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.physics.expected import Expected
from raylocus.propagation.differentiable import texture_reader

#: Reads rasters [layer, y, x] at points that run from −1 to 1 over the tile: values [point, layer].
Reader = Callable[[Tensor, Tensor], Tensor]
#: A point to which a ground cell without a path contributes more than this has none itself.
SMALLEST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class MapLookup:
    """Features by the maps of a place."""

    maps: PlaceMaps
    read: Reader

    def at(self, point: Float[Tensor, "point 2"]) -> Expected:
        """Bilinear between ground cells, as they end beyond the edges; levels on the native grid, the rest coarse."""
        maps, scaled = self.maps, point / (self.maps.size / 2)
        cells, sites = maps.beam_relative.shape[:2], maps.departure.shape[:2]
        return Expected(
            level=lookup(maps.fine_level, scaled, self.read),
            beam_relative=self.read(maps.beam_relative.flatten(0, 1), scaled).unflatten(1, cells),
            length=self.read(maps.distance, scaled),
            departure=self.read(maps.departure.flatten(0, 1), scaled).unflatten(1, sites),
        )


def lookup(
    level: Float[Tensor, "layer y x"], scaled: Float[Tensor, "point 2"], read: Reader
) -> Float[Tensor, "point layer"]:
    """Rasters with gaps at points; NaN next to a ground cell without a value."""
    value = read(torch.nan_to_num(level), scaled)
    pathless = by_torch(level.isnan().to(level), scaled.detach()) > SMALLEST_SHARE
    return torch.where(pathless, torch.nan, value)


def by_torch(
    rasters: Float[Tensor, "layer y x"], scaled: Float[Tensor, "point 2"]
) -> Float[Tensor, "point layer"]:
    """Bilinear by `grid_sample`."""
    sampled = functional.grid_sample(
        rasters[None], scaled[None, :, None], align_corners=False, padding_mode="border"
    )
    return sampled[0, :, :, 0].T


def by_drjit(
    rasters: Float[Tensor, "layer y x"], scaled: Float[Tensor, "point 2"]
) -> Float[Tensor, "point layer"]:
    """Bilinear by a texture of Dr.Jit; the gradient in the points comes back through `dr.wrap`.

    Raises:
        RuntimeUnavailableError: Dr.Jit has nothing to compile with, see `raylocus doctor`.
    """
    read: Tensor = texture_reader()(rasters.detach().movedim(0, -1).contiguous(), scaled)
    return read.unflatten(0, (len(rasters), len(scaled))).T
