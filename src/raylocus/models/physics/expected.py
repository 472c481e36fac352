"""What should be measured at points: the one interface, and gradients of closed forms that are array code in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


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
