"""Times of arrival at known positions against traced delays: how far sites stand off where they are listed, and clocks.

arrival = length of the first path + clock of the site + e, e Student t. A step of the site lengthens a path by the step
against its departure. Paths stay those of the listed position: what is found is said, and not laid into the maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.calibration.area_fit import CLOCK_DEVIATION, FREEDOM, ROUNDS
from raylocus.calibration.measured import FEWEST_LEVELS
from raylocus.calibration.tagged_tokens import Estimates, TaggedTokens, clocks_in_frame
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.units import SPEED_OF_LIGHT

#: Scale of the errors of arrivals before it is fitted, and its least [m].
SCALE, LEAST_SCALE = 30.0, 0.5


@dataclass(frozen=True)
class SiteTiming:
    """Sites as their times of arrival say; the prior's deviations where nothing was heard of one."""

    arrivals: int
    """That were used."""
    moved: Estimates
    """How far each site stands off its listed position: x of all sites, then y [m]."""
    clock: Estimates
    """Time of each site's clock within a frame, as a length [m]."""
    scale: float
    """Of the Student t of arrivals [m]."""


def fit_site_timing(reports: Reports, place: TracedPlace) -> SiteTiming | None:
    """MAP by EM's weights; positions as sure as the place states them. None where arrivals are too few to say anything.

    Args:
        reports: those without a position are passed over.
        place: with R.
    """
    tagged, sites = TaggedTokens.of(reports, place.deployment), len(place.deployment.sites)
    ground, maps = place.tile.index(tagged.xy), place.radio_maps
    length, azimuth, zenith = (
        maps[name].values.reshape(sites, -1)[tagged.site, ground].astype(float)
        for name in ("toa", "aod_azimuth", "aod_zenith")
    )
    error = tagged.arrival - SPEED_OF_LIGHT * length
    used = np.flatnonzero((ground >= 0) & np.isfinite(error))
    if len(used) < FEWEST_LEVELS:
        return None
    row, site = np.arange(len(used)), tagged.site[used]
    design = np.zeros((len(used), 3 * sites))
    design[row, site] = -(np.sin(zenith) * np.cos(azimuth))[used]
    design[row, sites + site] = -(np.sin(zenith) * np.sin(azimuth))[used]
    design[row, 2 * sites + site] = 1.0
    stated = np.maximum([each.deviation for each in place.deployment.sites], 1e-3)
    precision = np.concatenate([stated, stated, np.full(sites, CLOCK_DEVIATION)]) ** -2.0
    values, scale = _fitted(design, error[used], tagged.share[used], precision)
    information = tagged.share[used] * (FREEDOM + 1) / (FREEDOM + 3) / scale**2
    deviation = np.sqrt(
        np.diag(np.linalg.inv(design.T @ (information[:, None] * design) + np.diag(precision)))
    )
    steps, clock = slice(2 * sites), slice(2 * sites, None)
    return SiteTiming(
        arrivals=len(used),
        moved=Estimates(values[steps], deviation[steps]),
        clock=clocks_in_frame(Estimates(values[clock], deviation[clock]), tagged),
        scale=scale,
    )


def _fitted(
    design: Float[np.ndarray, "row value"],
    error: Float[np.ndarray, " row"],
    share: Float[np.ndarray, " row"],
    precision: Float[np.ndarray, " value"],
) -> tuple[Float[np.ndarray, " value"], float]:
    """The likeliest values, their prior's mean 0, and the scale that goes with them."""
    values, scale = np.zeros(len(precision)), SCALE
    for _ in range(ROUNDS):
        left = error - design @ values
        weight = share * (FREEDOM + 1) / (FREEDOM + (left / scale) ** 2)
        scale = max(float(np.sqrt((weight * left**2).sum() / share.sum())), LEAST_SCALE)
        normal = design.T @ (weight[:, None] * design) / scale**2 + np.diag(precision)
        values = np.linalg.solve(normal, design.T @ (weight * error) / scale**2)
    return values, scale
