"""The posterior over a tile that every locating method answers with, learned or classical."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.geo import Grid


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
