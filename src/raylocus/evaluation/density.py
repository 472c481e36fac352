"""Densities over the ground: the outdoor prior, normalising, and the estimate taken from a density."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.evaluation.method import MappedPlace, map_grid
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior

#: Cells with less than this share of the highest cell's mass do not move the geometric median.
NEGLIGIBLE_MASS = 1e-5


def outdoor_prior(place: MappedPlace) -> Float[np.ndarray, "y x"]:
    """Probability mass of each cell of R's grid for a UE anywhere outdoors (footprint 0).

    Raises:
        PlaceError: the tile is one building.
    """
    open_ground = (place.geometry_maps["footprint"].values == 0).astype(np.float64)
    rows = map_grid(place).count
    if open_ground.shape[0] % rows == 0:
        fine = open_ground.shape[0] // rows
        share = open_ground.reshape(rows, fine, rows, fine).mean(axis=(1, 3))
    else:
        raise PlaceError(
            "the geometry maps' grid does not divide into the radio maps' grid; trace the maps again"
        )
    if not share.any():
        raise PlaceError("the place has no open ground where a UE could be")
    return share / share.sum()


def normalised(log_density: Float[np.ndarray, "*sample y x"]) -> Float[np.ndarray, "*sample y x"]:
    """Probability mass of unnormalised log masses; −inf is impossible."""
    peak = log_density.max(axis=(-2, -1), keepdims=True)
    density = np.exp(log_density - np.where(np.isfinite(peak), peak, 0))
    total = density.sum(axis=(-2, -1), keepdims=True)
    return density / np.where(total > 0, total, 1)


def posterior_of(grid: Grid, density: Float[np.ndarray, "sample y x"]) -> Posterior:
    """A posterior whose estimate is the density's geometric median, the point of least expected error.

    The covariance is that of the density about its own mean, plus that of a uniform cell.
    """
    flat = density.reshape(len(density), -1).astype(np.float64)
    centre = flat @ grid.centres
    spread = np.einsum("sc,ci,cj->sij", flat, grid.centres, grid.centres, optimize=True)
    covariance = spread - np.einsum("si,sj->sij", centre, centre) + np.eye(2) * grid.resolution**2 / 12
    estimate = np.array([geometric_median(grid.centres, masses) for masses in flat]).reshape(-1, 2)
    return Posterior(grid, density.astype(np.float32), estimate, covariance)


def geometric_median(
    points: Float[np.ndarray, "point 2"], weight: Float[np.ndarray, "point"], iterations: int = 40
) -> Float[np.ndarray, "2"]:
    """The point with the least weighted mean distance to the points [m] (Weiszfeld 1937)."""
    counts = weight > NEGLIGIBLE_MASS * weight.max()
    points, weight = points[counts], weight[counts]
    median = weight @ points / weight.sum()
    for _ in range(iterations):
        # A millimetre keeps the pull of a point that the median sits on finite.
        pull = weight / np.maximum(np.hypot(*(points - median).T), 1e-3)
        moved = pull @ points / pull.sum()
        if np.abs(moved - median).max() < 0.01:
            break
        median = moved
    return median
