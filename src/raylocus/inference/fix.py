"""A fix: one answer, with its uncertainty and whether to trust it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from raylocus.geo import GeoFrame, Grid

if TYPE_CHECKING:  # who only reads fixes need not wait for torch
    from raylocus.models.posterior import Posterior

#: A fix of which less than 90 % are within this radius [m] is not to be trusted to name a street.
TRUSTED_RADIUS = 150.0
#: Of right maps this share is taken for wrong.
PLAUSIBLE_FIT = 0.05
#: Slots of equal width that values are counted in before those of one are sorted.
SLOTS = 1024


@dataclass(frozen=True)
class Ellipse:
    """An error ellipse of one standard deviation."""

    major: float
    """Semi-major axis [m]."""
    minor: float
    """Semi-minor axis [m]."""
    azimuth: float
    """Direction of the major axis [rad], counter-clockwise from east, in (−π/2, π/2]."""


@dataclass(frozen=True)
class Fix:
    """Where a phone is at its last report."""

    position: Float[np.ndarray, "2"]
    """The calibrated estimate (x, y) [m] in the place's frame; not the mean of the heatmap."""
    covariance: Float[np.ndarray, "2 2"]
    """Covariance of the posterior [m²]."""
    heatmap: Float[np.ndarray, "y x"]
    """Probability of each ground cell."""
    grid: Grid
    """Grid of the heatmap."""
    frame: GeoFrame | None
    """Frame of the place; None where it has none."""
    fit: float = 1.0
    """Share of worlds in which maps of the right place fit the phones located together as badly as here; 1 where it was
    not judged. Small where the map is outdated, the cell list wrong or the place another."""
    plausible_fit: float = PLAUSIBLE_FIT
    """The least fit of a fix that is trusted: the fewer phones judged the map, the more is asked for."""
    near: float = 0.9
    """How much of the heatmap of a fix that is trusted is within `TRUSTED_RADIUS`."""

    @property
    def ellipse(self) -> Ellipse:
        """Error ellipse of one standard deviation."""
        values, vectors = np.linalg.eigh(self.covariance)
        direction = (
            vectors[:, 1]
            if vectors[0, 1] > 0 or (vectors[0, 1] == 0 and vectors[1, 1] > 0)
            else -vectors[:, 1]
        )
        minor, major = np.sqrt(np.maximum(values, 0))
        return Ellipse(float(major), float(minor), float(np.arctan2(direction[1], direction[0])))

    def radius(self, confidence: float) -> float:
        """Radius [m] about the estimate that holds the UE with this probability; that about a ground cell at least."""
        x, y = self.grid.x_coordinates - self.position[0], self.grid.y_coordinates - self.position[1]
        found = quantile_of_mass(np.sqrt(y[:, None] ** 2 + x**2), self.heatmap, confidence)
        return max(found, self.grid.resolution / math.sqrt(2))

    @property
    def latlon(self) -> tuple[float, float] | None:
        """(latitude, longitude) [degrees] of the estimate; None where the place is not georeferenced."""
        if self.frame is None or not self.frame.georeferenced:
            return None
        latitude, longitude = self.frame.to_wgs84(self.position)
        return float(latitude), float(longitude)

    @property
    def trusted(self) -> bool:
        """Whether `near` is within `TRUSTED_RADIUS`, and map and measurements fit as `plausible_fit` asks."""
        return self.radius(self.near) <= TRUSTED_RADIUS and self.fit >= self.plausible_fit


@dataclass(frozen=True)
class Answers:
    """The fixes of some sequences."""

    fixes: list[Fix]
    hears: list[bool]
    """Whether each sequence names a cell of the place or area."""


def quantile_of_mass(
    values: Float[np.ndarray, "*shape"], mass: Float[np.ndarray, "*shape"], share: float
) -> float:
    """The smallest of the values at or below which a share of all mass lies.

    Only the values near it are sorted: a service asks for four such quantiles of a whole grid a phone.

    Args:
        values: where one is not a number, neither is the quantile.
        mass: not negative, some of it positive.
        share: from 0 to 1.
    """
    flat, weight = values.ravel(), mass.ravel()
    low, high = float(flat.min()), float(flat.max())
    if not np.isfinite(high - low):
        return float("nan")
    slot = ((flat - low) * (SLOTS / ((high - low) or 1.0))).astype(np.intp)
    held = np.cumsum(np.bincount(slot, weight))
    found = int(np.searchsorted(held, share * held[-1]))
    near = np.flatnonzero(slot == min(found, len(held) - 1))
    order = near[np.argsort(flat[near], kind="stable")]
    reached = np.cumsum(weight[order], dtype=float) + (held[found - 1] if found else 0.0)
    return float(flat[order[min(int(np.searchsorted(reached, share * held[-1])), len(order) - 1)]])


def fixes_of(posterior: Posterior, fits: Sequence[float], frame: GeoFrame | None) -> list[Fix]:
    """One fix a sequence of a posterior.

    Args:
        posterior: of the sequences.
        fits: how well map and measurements fit, see `Fix.fit`.
        frame: of the place.
    """
    return [
        Fix(position, covariance, density, posterior.grid, frame, fit)
        for position, covariance, density, fit in zip(
            posterior.mean, posterior.covariance, posterior.density, fits, strict=True
        )
    ]
