"""The last step of the bound: what is left of its over-confidence, measured on draws of its own law, is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.bound.search import Found

#: Exponent of the last report's posterior where it stands in for the sequence's.
FLATTENED = 0.45
#: Effective ways beyond which more of them earn no more trust.
MOST_WAYS = 30.0


@dataclass(frozen=True)
class Calibration:
    """Two numbers that widen an approximate posterior, fitted by simulation (Talts et al. 2018).

    An importance sampler that rests on few ways is too sure of them. Its result is raised to a power and
    mixed with the posterior of the last report, the more so the fewer ways it rests on.
    """

    power: float = 1.0
    """Exponent of the posterior over the ground; below 1 it is flattened."""
    doubt: float = 0.0
    """The last report's posterior has the share doubt / (doubt + effective ways)."""

    def apply(self, found: Found) -> Float[np.ndarray, " ground"]:
        """The calibrated posterior."""
        sequence, last = (each / each.sum() for each in (found.mass**self.power, found.of_last**FLATTENED))
        share = self.doubt / (self.doubt + min(found.effective_ways, MOST_WAYS))
        return (1 - share) * sequence + share * last


#: (severity, power, doubt) of the bound. At 0.5 the least negative log-likelihood over a grid of both numbers, on 720
#: sequences of four places (seed 11, as `benchmarks/bound_self_check.py --fit` does); at 1 halfway between these and
#: (0.9, 3.0), which held 54 / 93 / 97 % of 807 sequences (seeds 51 to 53) where these hold 47 / 88 / 94 % of 1284
#: (61 to 63 and 71 to 73). Test data never enter.
FITTED = ((0.5, 0.95, 2.0), (1.0, 0.925, 2.5))
#: Of the true maps, fitted likewise at severity 0.5.
TRUE_MAPS_CALIBRATION = Calibration(power=1.2, doubt=1.0)


def bound_calibration(severity: float) -> Calibration:
    """The bound's calibration at a severity, between the two that were fitted and that of the nearer one beyond."""
    at, power, doubt = np.array(FITTED).T
    return Calibration(float(np.interp(severity, at, power)), float(np.interp(severity, at, doubt)))
