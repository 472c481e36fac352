"""Where a phone is: position, uncertainty, density, trust; as GeoJSON, too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid

if TYPE_CHECKING:
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
        found = math.sqrt(quantile_of_mass(self._squared_distance, self.heatmap, confidence))
        return max(found, self.grid.resolution / math.sqrt(2))

    @property
    def _squared_distance(self) -> Float[np.ndarray, "y x"]:
        """Of each ground cell from the estimate [m²]; its order is that of the distance, whose roots take time."""
        x, y = self.grid.x_coordinates - self.position[0], self.grid.y_coordinates - self.position[1]
        return (y**2)[:, None] + x**2

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
        if self.fit < self.plausible_fit or self.grid.resolution > math.sqrt(2) * TRUSTED_RADIUS:
            return False
        # The radius that holds `near`, without looking for it.
        held = (self.heatmap * (self._squared_distance <= TRUSTED_RADIUS**2)).sum(dtype=float)
        return bool(held >= self.near * self.heatmap.sum(dtype=float))


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
    if not math.isfinite(high - low):
        return float("nan")
    above = flat - low
    above *= SLOTS / ((high - low) or 1.0)
    slot = above.astype(np.intp)
    held = np.bincount(slot, weight).cumsum()
    found = int(held.searchsorted(share * held[-1]))
    near = (slot == min(found, len(held) - 1)).nonzero()[0]
    order = near[flat[near].argsort(kind="stable")]
    reached = weight[order].cumsum(dtype=float) + (held[found - 1] if found else 0.0)
    return float(flat[order[min(int(reached.searchsorted(share * held[-1])), len(order) - 1)]])


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


#: Corners of a circle.
CORNERS = 48


def fixes_geojson(
    fixes: Sequence[Fix], records: Sequence[Mapping[str, Any]], confidence: float
) -> dict[str, Any]:
    """A point and a circle a fix, both with the fix's record as properties.

    Args:
        fixes: the fixes.
        records: their properties.
        confidence: probability that the circle holds the phone.

    Raises:
        InputError: the place has no latitude and longitude.
    """
    features: list[dict[str, Any]] = []
    for fix, record in zip(fixes, records, strict=True):
        if fix.latlon is None or fix.frame is None:
            raise InputError(
                "GeoJSON is in latitude and longitude, which this place has not; use --out for its metres"
            )
        angle = np.linspace(0, 2 * np.pi, CORNERS + 1)
        circle = fix.position + fix.radius(confidence) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        latitude, longitude = fix.frame.to_wgs84(circle)
        ring = [
            [round(x, 7), round(y, 7)] for x, y in zip(longitude.tolist(), latitude.tolist(), strict=True)
        ]
        ring[-1] = ring[0]
        point = [round(fix.latlon[1], 7), round(fix.latlon[0], 7)]
        features += [_feature("Point", point, record), _feature("Polygon", [ring], record)]
    return {"type": "FeatureCollection", "features": features}


def _feature(kind: str, coordinates: list[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": dict(record),
    }
