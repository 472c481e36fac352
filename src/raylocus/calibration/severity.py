"""How wrong a map is: the severity of the law of radio worlds under which measurements are likeliest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_calibration import CalibrationLaw, LabelledCalibration
from raylocus.calibration.labelled_fit import climb
from raylocus.calibration.labelled_model import NoiseLaw
from raylocus.calibration.noise_fit import DEVIATIONS
from raylocus.calibration.unlabelled_fit import UnlabelledCalibration

#: Severities that are tried.
SEVERITIES = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0])
#: Correlation distances that are tried, as multiples of the law's: even steps of their logarithm.
DISTANCES = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
#: Power of the evidence of known positions. A cell is heard where it is strong, which the evidence does not know:
#: with all antennas known, errors on 24 simulated networks of seeds 102 to 125 (benchmarks/calibration_bounds.py)
#: were 1.2 of its deviations, and fitted antennas err as well.
EVIDENCE = 0.5
#: ln evidence below which severities are as good as ruled out: steeper falls would make the spline overshoot.
LEAST = -60.0


@dataclass(frozen=True)
class Severity:
    """The severity of a network, with a 90 % interval."""

    value: float
    low: float
    high: float
    log_evidence: Float[np.ndarray, " severity"]
    """ln probability of the measurements at each of `SEVERITIES`, antennas integrated out, its highest 0."""


def labelled_severity(found: LabelledCalibration, law: CalibrationLaw) -> Severity:
    """Laplace's evidence of each severity, from measurements of known position, correlation distances summed out.

    On a small ground a wide spread that reaches far looks like a narrow one that does not: at the one distance that was
    fitted, severity would take over that distance's error. Silence is not read: the weights of its likelihood
    change with the distance, so that it cannot be compared between two. All values of antennas are integrated
    out, whatever held-out blocks kept: what is left as listed errs all the same, and is no error of the levels.
    """
    evidence, values = np.empty((len(SEVERITIES), len(DISTANCES))), found.posterior.values
    for row, severity in enumerate(SEVERITIES.tolist()):
        for column, distance in enumerate(DISTANCES.tolist()):
            # Each descent begins where that of the law next to it ended: it takes a few steps.
            evidence[row, column], values = _log_evidence(found, law, severity, distance, values)
    return severity_of(EVIDENCE * over_distances(evidence))


def over_distances(evidence: Float[np.ndarray, "severity distance"]) -> Float[np.ndarray, " severity"]:
    """Correlation distances summed out of ln evidence."""
    found: Float[np.ndarray, " severity"] = logsumexp(
        evidence - (np.log(DISTANCES) / DEVIATIONS[2]) ** 2 / 2, axis=1
    )
    return found


def severity_of(evidence: Float[np.ndarray, " severity"]) -> Severity:
    """Mode and central 90 % of a flat prior's posterior over severity."""
    fine = np.linspace(SEVERITIES[0], SEVERITIES[-1], 400)
    curve = CubicSpline(np.log(SEVERITIES), np.maximum(evidence - evidence.max(), LEAST))(np.log(fine))
    mass = np.cumsum(np.exp(curve - curve.max()))
    low, high = np.interp((0.05, 0.95), mass / mass[-1], fine)
    return Severity(float(fine[curve.argmax()]), float(low), float(high), evidence - evidence.max())


def _log_evidence(
    found: LabelledCalibration,
    law: CalibrationLaw,
    severity: float,
    distance: float,
    start: Float[np.ndarray, " value"],
) -> tuple[float, Float[np.ndarray, " value"]]:
    """Of errors of a severity that reach so many times as far as the law's, and the likeliest values."""
    reach = law.world.residual_distance * distance
    world = dataclasses.replace(law.world, severity=severity, residual_distance=reach)
    prior = dataclasses.replace(law, world=world).prior(found.prior.layout.cells)
    errors = found.model.under(NoiseLaw(ErrorLaw.of(world), found.noise.beams, dropout=None))
    best = climb((errors,), prior, np.ones(prior.layout.size, bool), start)
    spread = np.linalg.slogdet(best.covariance)[1] / 2
    return float(spread - best.loss - np.log(prior.deviation).sum()), best.values


def unlabelled_severity(found: UnlabelledCalibration, law: CalibrationLaw) -> Severity:
    """The severity whose residual has the scale that was found, with that scale's interval.

    The scale is what severity shows in; levels and dropout are consistent with many.
    """
    scales = np.array(
        [ErrorLaw.of(dataclasses.replace(law.world, severity=float(each))).scale for each in SEVERITIES]
    )
    return severity_of(-(((np.log(scales) - np.log(found.law.scale)) / found.deviation[-2]) ** 2) / 2)
