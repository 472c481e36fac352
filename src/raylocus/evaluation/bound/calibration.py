"""What is left of the over-confidence of a searched posterior, measured on draws of its own law, and taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.bound.search import Found
from raylocus.geo import Grid
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.observe import needs_paths

#: Exponent of the last report's posterior where it stands in for the sequence's.
FLATTENED = 0.45
#: Effective ways beyond which more of them earn no more trust.
MOST_WAYS = 30.0
#: Effective area of a posterior of which `Calibration.power` is the exponent [m²].
USUAL_AREA = 250.0
#: Least and greatest exponent, whatever the area.
EXPONENTS = (0.6, 2.0)


@dataclass(frozen=True)
class Calibration:
    """Three numbers that correct an approximate posterior, fitted by simulation (Talts et al. 2018).

    An importance sampler that rests on few ways is too sure of them. Its result is raised to a power and
    mixed with the posterior of the last report, the more so the fewer ways it rests on: what that gives to the
    middle of regions as well as to their tails, a power above 1 takes from it. Narrow posteriors are too narrow
    where wide ones are too wide: the power grows with the area.
    """

    power: float = 1.0
    """Exponent of a posterior of `USUAL_AREA`; below 1 it is flattened, above it is sharpened."""
    doubt: float = 0.0
    """The last report's posterior has the share doubt / (doubt + effective ways)."""
    growth: float = 0.0
    """What the exponent gains where the effective area, 1 / ∫ p², is e times as large."""

    def apply(self, found: Found, grid: Grid) -> Float[np.ndarray, " ground"]:
        """The calibrated posterior of a sequence on the ground of a grid."""
        area = grid.resolution**2 / np.square(found.mass).sum()
        power = np.clip(self.power + self.growth * np.log(area / USUAL_AREA), *EXPONENTS)
        sequence, last = (each / each.sum() for each in (found.mass**power, found.of_last**FLATTENED))
        share = self.doubt / (self.doubt + min(found.effective_ways, MOST_WAYS))
        return (1 - share) * sequence + share * last

    def posterior(self, found: Sequence[Found], grid: Grid) -> Posterior:
        """The calibrated posterior of each sequence."""
        density = np.array([self.apply(each, grid) for each in found], np.float32)
        return posterior_of(grid, density)


#: (severity, power, doubt, growth) of the bound by what is reported, or where maps are outdated, chosen by what regions
#: hold of draws of its law in generated towns (docs/evaluation.md has them, and the check on others). Test data never
#: enter.
FITTED = {
    "critical": ((0.5, 1.0, 1.8, 0.15), (1.0, 1.0, 3.5, 0.1), (1.5, 0.95, 3.5, 0.05)),
    "levels": ((0.5, 1.25, 8.0, 0.0), (1.0, 1.15, 15.0, 0.0), (1.5, 1.15, 15.0, 0.0)),
    "positioning": ((0.5, 1.1, 2.5, 0.0), (1.0, 1.1, 3.5, 0.0)),
    "outdated": ((0.5, 0.9, 3.5, 0.0),),
}
#: Of the true maps, fitted likewise; one for all severities.
TRUE_MAPS_FITTED = {
    "critical": Calibration(power=1.2, doubt=1.0),
    "levels": Calibration(power=1.0, doubt=4.0),
    "positioning": Calibration(power=1.2, doubt=1.0),
}


def bound_calibration(severity: float, kind: str) -> Calibration:
    """One of `FITTED` at a severity, between those that were fitted and that of the nearest one beyond."""
    at, *numbers = np.array(FITTED[kind]).T
    return Calibration(*(float(np.interp(severity, at, each)) for each in numbers))


def kind_of_reports(network: NetworkConfiguration) -> str:
    """Which of `FITTED` a network's reports are: with times of arrival, with beams or T_A, or of levels alone."""
    if needs_paths(network):
        return "positioning"
    bare = network.availability.get("l1_rsrp") == network.availability.get("timing_advance") == 0
    return "levels" if bare else "critical"
