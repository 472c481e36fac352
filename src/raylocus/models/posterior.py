"""The posterior over a tile that every locating method answers with, learned or classical."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.geo import Grid

#: The geometric median is found to this distance [m], in at most so many steps.
MEDIAN_TOLERANCE, MEDIAN_STEPS = 0.01, 60
#: Steps are so many times Weiszfeld's: twice as long ones would go straight to the middle of a round density, but for
#: ever to and fro about a single point.
STRETCH = 1.5
#: The pull of a ground cell whose centre is nearer than this is held at what it is there [m].
NEAREST = 1e-3
#: Densities that are worked on at once: few enough to stay in the processor's cache.
DENSITIES_AT_ONCE = 16


@dataclass(frozen=True)
class Posterior:
    """Densities over the ground, one for each sequence.

    Every method answers on the same grid, so that errors, likelihoods and regions compare: a
    Gaussian mixture or a single point is turned into a density by the method that made it.
    """

    grid: Grid
    density: Float[np.ndarray, "sample y x"]
    """Probability mass of each ground cell; sums to 1 over each map."""
    mean: Float[np.ndarray, "sample 2"]
    """The position estimate (x, y) [m]: what errors are measured from."""
    covariance: Float[np.ndarray, "sample 2 2"]
    """Covariance of the posterior [m²]."""


def posterior_of(
    grid: Grid,
    density: Float[np.ndarray, "sample ..."],
    mean: Float[np.ndarray, "sample 2"] | None = None,
) -> Posterior:
    """A posterior of densities; the covariance is the density's own, plus that of a uniform ground cell.

    Args:
        grid: the ground cells.
        density: probability mass of each ground cell, over (y, x) or flat.
        mean: position estimates [m]; left out, the geometric medians, the points of least expected error.
    """
    density = density.astype(np.float32, copy=False).reshape(len(density), *grid.shape)
    if mean is None:
        mean = geometric_median(torch.from_numpy(density), grid.size).numpy()
    moments = density.reshape(len(density), grid.count**2) @ _powers(grid)
    centre, second = moments[:, :2], moments[:, [[2, 3], [3, 4]]]
    covariance = second - centre[:, :, None] * centre[:, None] + np.eye(2) * grid.resolution**2 / 12
    return Posterior(grid, density, mean.astype(np.float64), covariance)


@lru_cache(8)
def _powers(grid: Grid) -> Float[np.ndarray, "cell 5"]:
    """x, y, x², xy and y² of the ground cells' centres."""
    x, y = grid.centres.T
    return np.column_stack([x, y, x * x, x * y, y * y])


def geometric_median(density: Float[Tensor, "sample y x"], size: float) -> Float[Tensor, "sample 2"]:
    """The point (x, y) [m] of least mean distance to each density, by Weiszfeld's iteration from the mean.

    Args:
        density: mass of each ground cell of a square tile.
        size: side of the tile [m].
    """
    parts = [_geometric_medians(part, size) for part in density.split(DENSITIES_AT_ONCE)]
    return torch.cat(parts) if parts else density.new_zeros(0, 2)


def _geometric_medians(density: Float[Tensor, "sample y x"], size: float) -> Float[Tensor, "sample 2"]:
    count = density.shape[-1]
    axis = (torch.arange(count, device=density.device) + 0.5) * (size / count) - size / 2
    powers = torch.stack([torch.ones_like(axis), axis], 1)
    point = _weighted_mean(density, powers)
    moving, left, here = torch.arange(len(density), device=density.device), density, point
    for _ in range(MEDIAN_STEPS):
        # On a grid squared distances are a sum of two short axes, which is exact and quick.
        x, y = (axis - here[..., None]).square_().unbind(1)
        pull = (y[:, :, None] + x[:, None, :]).clamp_(min=NEAREST**2).rsqrt_().mul_(left)
        there = torch.lerp(here, _weighted_mean(pull, powers), STRETCH)
        still = (there - here).abs_().amax(1) <= MEDIAN_TOLERANCE
        here = there
        if still.any():
            point[moving], on = here, ~still
            if not on.any():
                return point
            moving, left, here = moving[on], left[on], here[on]
    point[moving] = here
    return point


def _weighted_mean(
    weight: Float[Tensor, "sample y x"], powers: Float[Tensor, "x 2"]
) -> Float[Tensor, "sample 2"]:
    """Means of x and y, by the sums of 1, x and y, along one axis and then the other."""
    moments = powers.T @ (weight @ powers)
    return torch.stack([moments[:, 0, 1], moments[:, 1, 0]], 1) / moments[:, 0, :1]
