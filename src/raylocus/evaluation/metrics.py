"""How good a posterior is: error, negative log-likelihood, and the honesty of its regions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError
from raylocus.models.posterior import Posterior

#: Probability mass, of the whole tile, that every method is granted as a uniform floor in the NLL:
#: a truth where the method gives less costs as much as if this mass were spread over the tile.
NLL_FLOOR = 1e-6
#: Percentiles of the error that tables quote.
PERCENTILES = (50, 67, 80, 90, 95)
#: Nominal masses of the highest-density regions whose coverage is quoted.
REGIONS = (0.5, 0.9, 0.95)


def horizontal_errors(
    estimate: Float[np.ndarray, "sample 2"], truth: Float[np.ndarray, "sample 2"]
) -> Float[np.ndarray, " sample"]:
    """Distance from estimate to truth on the ground [m]."""
    return np.hypot(*(estimate - truth).T)


def negative_log_likelihood(
    posterior: Posterior, truth: Float[np.ndarray, "sample 2"]
) -> Float[np.ndarray, " sample"]:
    """−ln of the density per m² at the truth [nats], with the floor `NLL_FLOOR`.

    Raises:
        InputError: a truth lies outside the tile.
    """
    mass = _mass_at(posterior, truth)
    floor = NLL_FLOOR / posterior.density[0].size if len(posterior.density) else 0.0
    return -np.log(np.maximum(mass, floor) / posterior.grid.resolution**2)


def region_ranks(
    posterior: Posterior, truth: Float[np.ndarray, "sample 2"]
) -> tuple[Float[np.ndarray, " sample"], Float[np.ndarray, " sample"]]:
    """Mass of the cells denser than the truth's, and mass of the cells that tie with it, itself included.

    The truth enters the highest-density region of mass p, as it grows, when p passes from the first
    number to the sum of both.

    Raises:
        InputError: a truth lies outside the tile.
    """
    flat = posterior.density.reshape(len(posterior.density), -1).astype(np.float64)
    at_truth = _mass_at(posterior, truth)[:, None]
    return np.where(flat > at_truth, flat, 0).sum(axis=1), np.where(flat == at_truth, flat, 0).sum(axis=1)


def coverage(denser: Float[np.ndarray, " sample"], tied: Float[np.ndarray, " sample"], mass: float) -> float:
    """Share of truths inside the smallest region that holds `mass`, from `region_ranks`.

    Cells on the region's edge count by the part of them that is needed to reach the mass exactly, so
    that a correct posterior on a grid has exactly nominal coverage (the mean of the randomised
    probability integral transform of Smith 1985).
    """
    part = np.where(tied > 0, (mass - denser) / np.where(tied > 0, tied, 1), 0.0)
    return float(np.clip(part, 0, 1).mean())


def _mass_at(posterior: Posterior, truth: Float[np.ndarray, "sample 2"]) -> Float[np.ndarray, " sample"]:
    index = posterior.grid.index(truth)
    if (index < 0).any():
        raise InputError("a true position lies outside the tile; evaluate only reports made inside it")
    flat = posterior.density.reshape(len(posterior.density), -1)
    return flat[np.arange(len(flat)), index].astype(np.float64)
