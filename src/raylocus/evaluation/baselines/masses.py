"""From a likelihood of every ground cell to posterior masses."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from raylocus.evaluation.baselines.forward_filter import gaussian_matrix
from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import NominalMaps
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


def gaussian_masses(
    centre: Float[np.ndarray, "report 2"], covariance: Float[np.ndarray, "report 2 2"], maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """Masses over the flat ground of a Gaussian about each centre, cut to open ground.

    Args:
        centre: means (x, y) [m].
        covariance: [m²].
        maps: the place.
    """
    (xx, xy), (_, yy) = np.moveaxis(np.linalg.inv(covariance), 0, -1)
    x = maps.tile.x_coordinates - centre[:, :1]
    y = maps.tile.y_coordinates - centre[:, 1:]
    log_density = -0.5 * (
        (yy[:, None] * y**2)[:, :, None]
        + (xx[:, None] * x**2)[:, None, :]
        + 2 * xy[:, None, None] * y[:, :, None] * x[:, None, :]
    )
    return masses(log_density.reshape(len(centre), -1).astype(np.float32), maps.prior.ravel())


def blurred_masses(
    weight: Float[np.ndarray, "report ground"], spread: float, maps: NominalMaps
) -> Float[np.ndarray, "report ground"]:
    """Masses over the flat ground of a Gaussian of standard deviation `spread` [m] at each weighted ground cell."""
    blur = gaussian_matrix(torch.tensor(spread / maps.tile.resolution), maps.tile.count)
    square = torch.from_numpy(weight.astype(np.float32)).reshape(-1, *maps.tile.shape)
    flat = ((blur @ square @ blur) * torch.from_numpy(maps.outdoor)).flatten(1)
    return (flat / flat.sum(dim=1, keepdim=True)).numpy()


def posterior_of_masses(
    grid: Grid,
    density: Float[np.ndarray, "report ground"],
    mean: Float[np.ndarray, "report 2"] | None = None,
) -> Posterior:
    """The posterior of flat masses, see `posterior_of`."""
    return posterior_of(grid, density.reshape(len(density), *grid.shape), mean)
