"""Empirical Bayes: the levels, pattern floor and errors of a network that make reports without positions likeliest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.parameters import Prior
from raylocus.calibration.unlabelled_model import MarginalModel
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.propagation.maps.traced_place import TracedPlace

#: Steps at most, and the improvement [nats of independent reports] below which they end.
STEPS, SMALL = 20, 0.1
#: Values that reports without positions are asked for: the level that all cells share, and what differs over the
#: ground.
SHARED, LOCAL = ("common",), ("level", "floor", "scatter")
ASKED = (*SHARED, *LOCAL)
#: Rounds of the one and the other.
ROUNDS = 2
#: Levels that the search begins at, in deviations of the prior: the likelihood has several maxima.
BEGINNINGS = (-1.5, 0.0, 1.5)
#: What the scale comes out too small by, and how uncertain that is (standard deviation of ln): on simulated networks
#: of severity 1 (benchmarks/calibration.py) the free position takes up a part of each residual.
SCALE_FACTOR, SCALE_FACTOR_DEVIATION = 1.2, 0.1
#: Standard deviations of ln scale and of the logit of the dropout about the law's.
SCALE_DEVIATION, DROPOUT_DEVIATION = 0.6, 1.5


@dataclass(frozen=True)
class UnlabelledCalibration:
    """Values of a network and of its errors by reports without positions, with their joint Gaussian posterior."""

    values: Float[np.ndarray, " value"]
    """By `Layout`, then ln of the errors' scale and the logit of the dropout."""
    covariance: Float[np.ndarray, "value value"]
    loss: float
    """−ln posterior density, but for a constant."""
    law: ErrorLaw
    """With the scale that was found."""
    dropout: float
    reports: int

    @property
    def deviation(self) -> Float[np.ndarray, " value"]:
        """Standard deviation of each value."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class _Target:
    """−ln posterior of all values, those of the errors included."""

    model: MarginalModel
    prior: Prior
    centre: Float[np.ndarray, " extra"]

    def free(self, names: tuple[str, ...], errors: bool) -> Bool[np.ndarray, " value"]:
        """Which values are fitted: those of these names, and where asked for those of the errors."""
        layout = self.prior.layout
        found = np.full(layout.size + 2, errors)
        found[: layout.size] = False
        for name in names:
            found[layout.index(name)] = True
        return found

    def evaluated(
        self, values: Float[np.ndarray, " value"], weight: float
    ) -> tuple[float, Float[np.ndarray, " value"], Float[np.ndarray, "value value"]]:
        """Loss, gradient, and the sum of the reports' gradients' products as its curvature (Berndt et al. 1974).

        Args:
            values: where.
            weight: of each report's likelihood.
        """
        likelihood, gradients = self.model.evaluated(values)
        plain, extra = values[: self.prior.layout.size], values[self.prior.layout.size :]
        deviation = np.array([SCALE_DEVIATION, DROPOUT_DEVIATION])
        scaled = (extra - self.centre) / deviation
        loss = -weight * likelihood + self.prior.loss(plain) + float(scaled @ scaled) / 2
        own = np.append(self.prior.gradient(plain), scaled / deviation)
        precision = np.append(self.prior.precision(plain), deviation**-2.0)
        curvature = weight * gradients.T @ gradients + np.diag(precision)
        return loss, own - weight * gradients.sum(axis=0), curvature


def calibrate_unlabelled(
    reports: UnlabelledReports,
    place: TracedPlace,
    law: CalibrationLaw,
    given: Float[np.ndarray, " value"] | None = None,
) -> UnlabelledCalibration:
    """MAP over levels, pattern floor, scattering, errors' scale and dropout; azimuths stay.

    Args:
        reports: one of each sequence.
        place: whose ground positions are summed over.
        law: priors.
        given: values whose azimuths, downtilts and beamwidths hold; as listed if left out.
    """
    prior, noise = law.prior(len(place.deployment.cells)), law.noise()
    values = prior.mean.copy() if given is None else given
    model = MarginalModel(reports, place, law, values)
    dropout = min(max(noise.dropout or 0.3, 0.02), 0.98)
    centre = np.array([np.log(noise.levels.scale), np.log(dropout / (1 - dropout))])
    target, common = _Target(model, prior, centre), prior.layout.index("common")
    starts = []
    for beginning in BEGINNINGS:
        start = np.append(values, centre)
        start[common] = beginning * prior.deviation[common]
        starts.append((target.evaluated(start, 1.0)[0], beginning, start))
    found = min(starts, key=lambda each: each[0])[2]
    # Every report counts for what all cells share; what looks like one cell's own may be the ground's: errors near each
    # other are one error.
    for _ in range(ROUNDS):
        found, loss = _climbed(target, found, target.free(SHARED, True), 1.0)
        found, loss = _climbed(target, found, target.free(LOCAL, False), model.weight)
    free, hessian = target.free(ASKED, True), target.evaluated(found, model.weight)[2]
    covariance = np.zeros(hessian.shape)
    covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)])
    scale, left_out = SCALE_FACTOR * np.exp(found[-2]), 1 / (1 + np.exp(-found[-1]))
    return UnlabelledCalibration(
        values=found,
        covariance=covariance,
        loss=loss,
        law=dataclasses.replace(noise.levels, scale=float(scale)),
        dropout=float(left_out),
        reports=len(reports.level),
    )


def _climbed(
    target: _Target, values: Float[np.ndarray, " value"], free: Bool[np.ndarray, " value"], weight: float
) -> tuple[Float[np.ndarray, " value"], float]:
    """Values of the highest posterior that is reached from a start by the free ones, and −ln posterior there."""
    loss, gradient, hessian = target.evaluated(values, weight)
    damping = 1e-2
    for _ in range(STEPS):
        own = hessian[np.ix_(free, free)]
        step = np.zeros(len(values))
        step[free] = -np.linalg.solve(own + damping * np.diag(np.diag(own)), gradient[free])
        tried = values + np.clip(step, -6.0, 6.0)
        then, new_gradient, new_hessian = target.evaluated(tried, weight)
        if then >= loss:
            damping *= 8
            if damping > 1e4:
                break
            continue
        gained, values, loss, gradient, hessian = loss - then, tried, then, new_gradient, new_hessian
        damping /= 4
        if gained < SMALL * weight:
            break
    return values, loss
