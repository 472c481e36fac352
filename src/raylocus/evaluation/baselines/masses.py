"""From a likelihood of every ground cell to posterior masses."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.models.posterior import Posterior, posterior_of


def masses(
    log_density: Float[np.ndarray, "report ground"], prior: Float[np.ndarray, " ground"]
) -> Float[np.ndarray, "report ground"]:
    """Posterior masses under a prior, one row a report."""
    outdoors = np.flatnonzero(prior > 0)
    inside = log_density[:, outdoors].astype(np.float32, copy=False)
    inside -= inside.max(axis=1, keepdims=True)
    weight = np.exp(inside, out=inside)
    weight *= prior[outdoors]
    weight /= weight.sum(axis=1, keepdims=True)
    density = np.zeros(log_density.shape, np.float32)
    density[:, outdoors] = weight
    return density


def posterior_of_masses(
    grid: Grid,
    density: Float[np.ndarray, "report ground"],
    mean: Float[np.ndarray, "report 2"] | None = None,
) -> Posterior:
    """The posterior of flat masses, see `posterior_of`."""
    return posterior_of(grid, density.reshape(len(density), *grid.shape), mean)
