"""Regions by conformal prediction: which nominal masses hold 50, 90 and 95 % of the truths of a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from raylocus.models.posterior import Posterior, posterior_of

#: Masses of the regions that are calibrated.
LEVELS = (0.5, 0.9, 0.95)
#: Truths that the start's own calibration counts as.
START = 20
#: Bounds of a nominal mass.
BOUNDS = (0.02, 0.999)


@dataclass(frozen=True)
class Regions:
    """Nominal masses whose regions hold the truth with the probabilities of `LEVELS`."""

    nominal: tuple[float, float, float] = LEVELS

    def __post_init__(self) -> None:
        """Checks the order.

        Raises:
            ValueError: the masses are no ascending numbers between 0 and 1.
        """
        values = np.array([0.0, *self.nominal, 1.0])
        if values.shape != (len(LEVELS) + 2,) or not (np.diff(values) > 0).all():
            raise ValueError(f"nominal masses of regions ascend between 0 and 1, unlike {self.nominal}")

    def stated(self, held: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """How much regions of nominal masses truly hold."""
        found: np.ndarray = self._curve(held)
        return found

    @cached_property
    def _curve(self) -> PchipInterpolator:
        return PchipInterpolator([0, *self.nominal, 1], [0, *LEVELS, 1])

    def restated(
        self, mass: Float[Tensor, "report cell"], density: Float[Tensor, "report cell"]
    ) -> Float[Tensor, "report cell"]:
        """Masses of ground cells, which sum to 1, such that regions of the same shapes hold what they say."""
        if self.nominal == LEVELS:
            return mass
        order = density.argsort(dim=1, descending=True, stable=True)
        held = mass.gather(1, order).double().cumsum(1).clamp(max=1).numpy()
        parts = torch.from_numpy(np.diff(self.stated(held), axis=1, prepend=0.0).clip(0)).float()
        found = torch.zeros_like(mass).scatter(1, order, parts)
        return found / found.sum(1, keepdim=True)


def conformal_regions(ranks: Float[np.ndarray, " truth"]) -> Regions:
    """Quantiles with the finite-sample correction of split conformal prediction (Vovk et al. 2005, §2.2).

    Args:
        ranks: mass of the smallest region that holds each truth, of answers that did not know it. They are joined with
            `START` ranks of a calibrated start, so that a few truths move regions little.
    """
    every = np.sort(np.concatenate([ranks, (np.arange(START) + 0.5) / START]))
    index = np.ceil((len(every) + 1) * np.array(LEVELS)).astype(np.int64) - 1
    found = np.append(every, BOUNDS[1])[np.minimum(index, len(every))].clip(*BOUNDS)
    # Equal quantiles would make a region of no mass.
    spaced = np.maximum.accumulate(found + np.arange(len(LEVELS)) * 1e-4)
    low, middle, high = np.minimum(spaced, BOUNDS[1] + np.arange(len(LEVELS)) * 1e-4).tolist()
    return Regions((low, middle, high))


def with_circles(posterior: Posterior, circles: Regions) -> Posterior:
    """The same with masses such that circles about the estimates hold what they say.

    Args:
        posterior: of some sequences.
        circles: what its circles truly hold.
    """
    grid = posterior.grid
    density = np.empty_like(posterior.density)
    for number, ((x, y), mass) in enumerate(zip(posterior.mean, posterior.density, strict=True)):
        distance = np.sqrt((grid.y_coordinates - y)[:, None] ** 2 + (grid.x_coordinates - x) ** 2)
        ring = (distance / grid.resolution).astype(np.intp)
        own = np.bincount(ring.ravel(), mass.ravel())
        held = np.cumsum(own).clip(max=1)
        density[number] = mass * (np.diff(circles.stated(held), prepend=0.0) / np.maximum(own, 1e-30))[ring]
    density /= density.sum((1, 2), keepdims=True)
    return posterior_of(grid, density, posterior.mean)
