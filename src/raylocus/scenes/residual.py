"""The spatially correlated, heavy-tailed residual between a world and what physics computes of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, t

from raylocus.geo import Grid
from raylocus.scenes.sites import Deployment
from raylocus.scenes.world import World, WorldLaw


def residual_field(world: World, deployment: Deployment, grid: Grid) -> Float[np.ndarray, "cell y x"]:
    """The residual of each cell's level over the grid [dB].

    A Gaussian field with autocorrelation exp(−d/d_corr) (TR 38.901 §7.4.4), the sum of a part common
    to all cells, one common to each site and one of the cell's own, is mapped point by point to a
    Student t distribution (a Gaussian copula), so that the margins are exactly heavy-tailed.
    """
    law = world.law
    if law.severity == 0:
        return np.zeros((len(deployment.cells), *grid.shape), np.float32)
    generator = np.random.default_rng(world.residual_seed)
    fields = gaussian_fields(
        1 + len(deployment.sites) + len(deployment.cells), grid, law.residual_distance, generator
    )
    common, site, own = np.split(fields, [1, 1 + len(deployment.sites)])
    own_share = 1 - law.residual_shared_by_all - law.residual_shared_by_site
    gaussian = (
        np.sqrt(law.residual_shared_by_all) * common
        + np.sqrt(law.residual_shared_by_site) * site[deployment.site_of_cell]
        + np.sqrt(own_share) * own
    )
    return student_from_gaussian(gaussian, law).astype(np.float32)


def student_from_gaussian(gaussian: Float[np.ndarray, "..."], law: WorldLaw) -> Float[np.ndarray, "..."]:
    """Student t values [dB] of standard Gaussian ones, quantile by quantile."""
    # A table is a thousand times faster than t.ppf; beyond ±5 there is one value in a million.
    knots = np.linspace(-5, 5, 2001)
    values = t.ppf(norm.cdf(knots), law.residual_freedom)
    return law.severity * law.residual_db * np.interp(gaussian, knots, values)


def gaussian_fields(
    count: int, grid: Grid, distance: float, generator: np.random.Generator
) -> Float[np.ndarray, "count y x"]:
    """Independent standard Gaussian fields with autocorrelation exp(−d/distance), by circulant embedding.

    The torus is twice the tile, so that opposite edges do not see each other; the few negative
    eigenvalues of the embedding are set to zero (Dietrich and Newsam 1997) and the variance restored.
    """
    side = 2 * grid.count
    step = np.minimum(np.arange(side), side - np.arange(side)) * grid.resolution
    correlation = np.exp(-np.hypot(step[:, None], step[None, :]) / distance)
    spectrum = np.maximum(np.fft.fft2(correlation).real, 0)
    spectrum *= side**2 / spectrum.sum()
    noise = generator.standard_normal((count, side, side))
    fields = np.fft.ifft2(np.fft.fft2(noise) * np.sqrt(spectrum)).real
    return fields[:, : grid.count, : grid.count]
