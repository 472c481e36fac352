"""Differences between the beams of one report: no error of a level touches them, only where the antenna points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class BeamLaw:
    """How reported beams differ from the calibrated map's, their mean removed."""

    scale: float = 1.2
    """Scale of their Student t [dB]: noise of L1-RSRP, and paths that are not as the map's."""
    freedom: float = 4.0
    distance: float = 15.0
    """Within this distance [m] they err alike."""


@dataclass(frozen=True)
class ContrastTerm:
    """−ln density of the contrasts with derivatives by each modelled beam level."""

    loss: float
    gradient: Float[np.ndarray, "beamed beam"]
    weight: Float[np.ndarray, "beamed beam"]
    """Curvature by each contrast [1/dB²]."""


def contrasts(level: Float[np.ndarray, "beamed beam"]) -> Float[np.ndarray, "beamed beam"]:
    """Levels less their mean over the beams that were reported; 0 where there is none."""
    there = np.isfinite(level)
    mean = np.nansum(level, axis=1, keepdims=True) / there.sum(axis=1, keepdims=True)
    return np.where(there, level - mean, 0.0)


def contrast_term(
    reported: Float[np.ndarray, "beamed beam"],
    modelled: Float[np.ndarray, "beamed beam"],
    law: BeamLaw,
    share: Float[np.ndarray, " beamed"],
) -> ContrastTerm:
    """Student t of reported less modelled contrasts; of n beams n − 1 are free.

    Args:
        reported: L1-RSRP [dBm]; NaN where a beam is not in the report.
        modelled: of the same beams.
        law: how they scatter.
        share: how much of each report is independent of the others.
    """
    there = np.isfinite(reported)
    count = there.sum(axis=1, keepdims=True)
    free = share[:, None] * (count - 1) / np.maximum(count, 1) * there
    error = contrasts(reported - modelled)
    spread = law.freedom * law.scale**2 + error**2
    loss = (law.freedom + 1) / 2 * np.log(spread / (law.freedom * law.scale**2))
    pull = (law.freedom + 1) * error / spread
    gradient = -free * pull
    gradient -= there * gradient.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    return ContrastTerm(float((free * loss).sum()), gradient, free * (law.freedom + 1) / spread)
