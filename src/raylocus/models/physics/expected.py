"""What should be measured at points: the one interface of maps that are looked up and of paths that are followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
