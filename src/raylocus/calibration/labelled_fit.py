"""The most probable antennas of a network given measurements of known position (MAP), and how sure (Laplace)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.calibration.labelled_model import LawOfErrors
from raylocus.calibration.objective import Objective, Term
from raylocus.calibration.parameters import Prior
from raylocus.calibration.turn_search import TurnSearch

#: Steps of Levenberg and Marquardt at most, and the improvement [nats] below which they end.
STEPS, SMALL = 25, 0.02
#: Searches for turned antennas at most.
SEARCHES = 3
#: Antennas whose azimuth is known no better than this [rad] may point elsewhere altogether: no report has their beams.
DOUBTFUL = np.deg2rad(2.5)


@dataclass(frozen=True)
class Posterior:
    """Values of a network and their joint Gaussian posterior (Laplace)."""

    values: Float[np.ndarray, " value"]
    loss: float
    """−ln posterior density, but for a constant."""
    covariance: Float[np.ndarray, "value value"]
    """Of the free values; 0 for what was not fitted."""
    free: Bool[np.ndarray, " value"]

    @property
    def deviation(self) -> Float[np.ndarray, " value"]:
        """Standard deviation of each value."""
        return np.sqrt(np.diag(self.covariance))


def fit_antennas(
    errors: LawOfErrors,
    prior: Prior,
    free: Bool[np.ndarray, " value"],
    start: Float[np.ndarray, " value"] | None = None,
) -> Posterior:
    """Climbs from a start, turns every antenna to where it fits better, and climbs again.

    Args:
        errors: the measurements under a law of errors.
        prior: of the values.
        free: which values are fitted; the others stay at the prior's mean.
        start: where to begin; the prior's mean if left out.
    """
    found = climb((errors,), prior, free, prior.mean.copy() if start is None else start)
    azimuth = prior.layout.index("azimuth")
    if not free[azimuth].any():
        return found
    search = TurnSearch(errors, prior)
    for _ in range(SEARCHES):
        turned = search.better(found.values)
        if turned is None:
            break
        climbed = climb((errors,), prior, free, turned)
        if climbed.loss >= found.loss:
            break
        found = climbed
    heard = np.unique(errors.model.heard.cell)
    doubtful = heard[found.deviation[azimuth][heard] > DOUBTFUL].tolist()
    for turned in search.starts(found.values, doubtful):
        climbed = climb((errors,), prior, free, turned)
        found = climbed if climbed.loss < found.loss else found
    return found


def climb(
    terms: Sequence[Term],
    prior: Prior,
    free: Bool[np.ndarray, " value"],
    start: Float[np.ndarray, " value"],
) -> Posterior:
    """Levenberg and Marquardt's descent of −ln posterior, all terms added up."""
    values, damping = start.copy(), 1e-3
    now = _posterior(terms, prior, values)
    for _ in range(STEPS):
        tried = values + _step(now, prior, free, damping)
        then = _posterior(terms, prior, tried)
        gained = now.loss - then.loss
        if gained <= 0:
            damping *= 10
            if damping > 1e4:
                break
            continue
        values, now, damping = tried, then, damping / 5
        if gained < SMALL:
            break
    covariance = np.zeros((len(values), len(values)))
    covariance[np.ix_(free, free)] = np.linalg.inv(now.hessian[np.ix_(free, free)])
    return Posterior(values, now.loss, covariance, free)


def _posterior(terms: Sequence[Term], prior: Prior, values: Float[np.ndarray, " value"]) -> Objective:
    total = Objective(prior.loss(values), prior.gradient(values), np.diag(prior.precision(values)))
    for term in terms:
        total = total + term.objective(values)
    return total


def _step(
    now: Objective, prior: Prior, free: Bool[np.ndarray, " value"], damping: float
) -> Float[np.ndarray, " value"]:
    hessian = now.hessian[np.ix_(free, free)]
    damped = hessian + damping * np.diag(np.diag(hessian))
    step = np.zeros(len(free))
    step[free] = -np.linalg.solve(damped, now.gradient[free])
    # No step goes further than the law's own spread, lest patterns jump over each other.
    return np.clip(step, -prior.deviation, prior.deviation)
