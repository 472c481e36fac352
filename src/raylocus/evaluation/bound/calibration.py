"""What is left of a posterior's over-confidence once it is known how often it is right on draws of its own law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.bound.search import Found


@dataclass(frozen=True)
class Calibration:
    """Two numbers that widen an approximate posterior."""

    power: float = 1.0
    """Exponent of the posterior over the ground; below 1 it is flattened."""
    doubt: float = 0.0
    """The last report's posterior has the share doubt / (doubt + effective ways)."""

    def apply(self, found: Found) -> Float[np.ndarray, "ground"]:
        """The calibrated posterior."""
        flat = found.mass**self.power
        share = self.doubt / (self.doubt + found.effective_ways)
        return (1 - share) * flat / flat.sum() + share * found.of_last
