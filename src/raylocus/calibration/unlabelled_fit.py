"""Empirical Bayes: the levels, pattern floor and errors of a network that make reports without positions likeliest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.parameters import Layout, Prior
from raylocus.calibration.unlabelled_model import MarginalModel, of_errors
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.propagation.maps.traced_place import TracedPlace

#: Steps at most, and the improvement [nats of independent reports] below which they end.
STEPS, SMALL = 30, 0.1
#: Values that reports without positions are asked for: the level that all cells share, and what differs over the
#: ground.
ASKED = ("common", "level", "floor", "scatter")
#: Levels that the search begins at, in deviations of the prior: the likelihood has several maxima.
BEGINNINGS = (-1.5, 0.0, 1.5)
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
    deviation: Float[np.ndarray, " extra"]

    @classmethod
    def of(cls, model: MarginalModel, law: CalibrationLaw, cells: int) -> _Target:
        """Each report counts for the share of it that is independent, but for what all cells share, and for the errors.

        Errors near each other are one error: what looks like one cell's own may be the ground's. Of the others every
        report says as much; there the prior has that share.
        """
        prior, noise, share = law.prior(cells), law.noise(), np.sqrt(model.weight)
        deviation = prior.deviation.copy()
        deviation[prior.layout.index("common")] /= share
        centre = of_errors(noise.levels.scale, noise.dropout)
        extra = np.array([SCALE_DEVIATION, DROPOUT_DEVIATION]) / share
        return cls(model, dataclasses.replace(prior, deviation=deviation), centre, extra)

    @property
    def free(self) -> Bool[np.ndarray, " value"]:
        """Which values are fitted."""
        layout = self.prior.layout
        found = np.ones(layout.size + 2, bool)
        found[: layout.size] = False
        for name in ASKED:
            found[layout.index(name)] = True
        return found

    def begun(self, law: CalibrationLaw) -> Float[np.ndarray, " value"]:
        """The likeliest of `BEGINNINGS`, other values as the law has them."""
        prior = law.prior(self.prior.layout.cells)
        tried: list[tuple[float, float, Float[np.ndarray, " value"]]] = []
        for beginning in BEGINNINGS:
            start, common = np.append(prior.mean, self.centre), prior.layout.index("common")
            start[common] = beginning * prior.deviation[common]
            tried.append((self.evaluated(start)[0], beginning, start))
        return min(tried, key=lambda each: each[:2])[2]

    def evaluated(
        self, values: Float[np.ndarray, " value"]
    ) -> tuple[float, Float[np.ndarray, " value"], Float[np.ndarray, "value value"]]:
        """Loss, gradient, and the sum of the reports' gradients' products as its curvature (Berndt et al. 1974)."""
        weight, (likelihood, gradients) = self.model.weight, self.model.evaluated(values)
        plain, extra = values[: self.prior.layout.size], values[self.prior.layout.size :]
        scaled = (extra - self.centre) / self.deviation
        loss = -weight * likelihood + self.prior.loss(plain) + float(scaled @ scaled) / 2
        own = np.append(self.prior.gradient(plain), scaled / self.deviation)
        precision = np.append(self.prior.precision(plain), self.deviation**-2.0)
        curvature = weight * gradients.T @ gradients + np.diag(precision)
        return loss, own - weight * gradients.sum(axis=0), curvature


def calibrate_unlabelled(
    reports: UnlabelledReports,
    place: TracedPlace,
    law: CalibrationLaw,
    begin: Float[np.ndarray, " value"] | None = None,
) -> UnlabelledCalibration:
    """MAP over levels, pattern floor, scattering, errors' scale and dropout; azimuths stay.

    Args:
        reports: one of each sequence.
        place: whose ground positions are summed over.
        law: priors.
        begin: values to begin at, whose azimuths, downtilts and beamwidths hold; as the law has them if left out.
    """
    cells = len(place.deployment.cells)
    antennas = law.prior(cells).mean if begin is None else begin[: Layout(cells).size]
    target = _Target.of(MarginalModel(reports, place, law, antennas), law, cells)
    found, loss, hessian = _climbed(target, target.begun(law) if begin is None else begin)
    free, covariance = target.free, np.zeros(hessian.shape)
    covariance[np.ix_(free, free)] = np.linalg.inv(hessian[np.ix_(free, free)])
    return UnlabelledCalibration(
        values=found,
        covariance=covariance,
        loss=loss,
        law=dataclasses.replace(law.noise().levels, scale=float(np.exp(found[-2]))),
        dropout=float(1 / (1 + np.exp(-found[-1]))),
        reports=len(reports.level),
    )


def _climbed(
    target: _Target, values: Float[np.ndarray, " value"]
) -> tuple[Float[np.ndarray, " value"], float, Float[np.ndarray, "value value"]]:
    """Values of the highest posterior that is reached from a start, −ln posterior there and its curvature."""
    (loss, gradient, hessian), free, damping = target.evaluated(values), target.free, 1e-2
    for _ in range(STEPS):
        own = hessian[np.ix_(free, free)]
        step = np.zeros(len(values))
        step[free] = -np.linalg.solve(own + damping * np.diag(np.diag(own)), gradient[free])
        tried = values + np.clip(step, -6.0, 6.0)
        then, new_gradient, new_hessian = target.evaluated(tried)
        if then >= loss:
            damping *= 8
            if damping > 1e4:
                break
            continue
        gained, values, loss, gradient, hessian = loss - then, tried, then, new_gradient, new_hessian
        damping /= 4
        if gained < SMALL * target.model.weight:
            break
    return values, loss, hessian
