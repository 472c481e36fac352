"""What should be measured at points: the one interface, and features looked up in R, bilinear.

Gradients are those of closed forms in NumPy, of torch, or of Dr.Jit through `dr.wrap`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.propagation.differentiable import texture_reader


@dataclass(frozen=True)
class Expected:
    """Features at points, differentiable in the points; NaN where there is no path."""

    level: Float[Tensor, "point cell"]
    """RSRP of the best beam [dBm]."""
    beam_relative: Float[Tensor, "point cell beam"]
    """RSRP of each beam over the cell's best [dB]."""
    length: Float[Tensor, "point site"]
    """Length of the first path [m]."""
    departure: Float[Tensor, "point site 2"]
    """Direction in the plane in which the strongest path leaves the site; of any length."""


@runtime_checkable
class FeatureField(Protocol):
    """Where expected features come from."""

    def at(self, point: Float[Tensor, "point 2"]) -> Expected:
        """The features at points (x, y) [m] of the tile."""


#: A function of rows, asked at all steps at once: [step, row, variable] → [step, row, value]; step 0 is the rows.
RowFunction = Callable[[Float[np.ndarray, "step row variable"]], Float[np.ndarray, "step row value"]]


def differentiable(
    rows: Float[Tensor, "row variable"], function: RowFunction, step: float
) -> Float[Tensor, "row value"]:
    """Values of a function of each row, with a gradient.

    Args:
        rows: what it is a function of.
        function: smooth over a step; in double precision.
        step: of the central differences, in the variables' unit; the error is step²/6 times the third derivative.
    """
    found: Tensor = _CentralDifferences.apply(rows, function, step)
    return found


class _CentralDifferences(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, function: RowFunction, step: float) -> Tensor:
        base = rows.detach().cpu().double().numpy()
        ahead = step * np.eye(base.shape[1])[:, None]
        values = function(np.concatenate([base[None], base + ahead, base - ahead]))
        forward, backward = np.split(values[1:], 2)
        slope = torch.from_numpy((forward - backward) / (2 * step))
        ctx.save_for_backward(slope.to(rows.device))
        return torch.from_numpy(values[0]).to(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        (gradient,) = gradients
        return torch.einsum("vrk,rk->rv", slope, gradient.double()).to(gradient), None, None


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
            level=lookup(maps.fine_level[maps.sharp_cell], scaled, self.read),
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
