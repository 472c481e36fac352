"""The law of errors that fits measurements best, given antennas: spread, what is each report's own, correlation."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from raylocus.calibration.antenna_model import PointLevels
from raylocus.calibration.beam_contrasts import BeamLaw
from raylocus.calibration.error_law import ErrorLaw
from raylocus.calibration.labelled_fit import climb
from raylocus.calibration.labelled_model import LabelledModel, LawOfErrors, NoiseLaw
from raylocus.calibration.parameters import Prior
from raylocus.calibration.silence import independent_shares, silence_distance

#: Standard deviations of what is looked for about the law of radio worlds: ln scale, logit of the own share,
#: ln distance.
DEVIATIONS = np.array([0.5, 0.8, 0.5])
#: Evaluations of the search.
EVALUATIONS = 45
#: Probabilities of dropout that are tried; 1 says that silence means nothing.
DROPOUTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
#: Beams that the prior scale of their contrasts counts for.
PRIOR_BEAMS = 10.0


def fit_noise(
    model: LabelledModel, law: NoiseLaw, prior: Prior, values: Float[np.ndarray, " value"]
) -> NoiseLaw:
    """The most probable law of errors with these antennas.

    Cells are heard where their errors are high. About levels that silence has put right those errors have a mean, which
    would be taken for a residual that reaches far; so the law is fitted about levels that are read without silence.

    Args:
        model: the measurements.
        law: where the search begins, and the centre of its prior.
        prior: of the antennas' values: what they take up of the scatter is given back (Laplace).
        values: the antennas.
    """
    levels = model.modelled(values)
    found = dataclasses.replace(law, beams=fit_beams(model.under(law), levels))
    start, heard = _numbers(law.levels), dataclasses.replace(law, dropout=None)
    free = prior.layout.mask(("level",))
    alone = model.modelled(climb((model.under(heard),), prior, free, values).values)

    def loss(numbers: Float[np.ndarray, " number"]) -> float:
        tried = dataclasses.replace(found, levels=_law(law.levels, numbers), dropout=None)
        objective = model.under(tried).objective_of(alone)
        curvature = objective.hessian + np.diag(prior.precision(values))
        penalty = (((numbers - start) / DEVIATIONS) ** 2).sum() / 2
        return float(objective.loss + np.linalg.slogdet(curvature)[1] / 2 + penalty)

    simplex = np.vstack([start, start + np.diag(DEVIATIONS) / 2])
    options = {"maxfev": EVALUATIONS, "xatol": 0.02, "fatol": 0.05, "initial_simplex": simplex}
    best = minimize(loss, start, method="Nelder-Mead", options=options).x
    found = dataclasses.replace(found, levels=_law(law.levels, best))
    if law.dropout is None:
        return found
    return dataclasses.replace(found, dropout=_dropout(model, found, levels))


def _numbers(law: ErrorLaw) -> Float[np.ndarray, " number"]:
    return np.array([np.log(law.scale), np.log(law.own_share / (1 - law.own_share)), np.log(law.distance)])


def _law(law: ErrorLaw, numbers: Float[np.ndarray, " number"]) -> ErrorLaw:
    scale, own, distance = numbers
    share = float(np.clip(1 / (1 + np.exp(-own)), 0.02, 0.9))
    return dataclasses.replace(
        law,
        scale=float(np.exp(scale)),
        own_share=share,
        distance=float(np.clip(np.exp(distance), 4.0, 400.0)),
    )


def fit_beams(errors: LawOfErrors, levels: PointLevels) -> BeamLaw:
    """The scale of the beams' contrasts, by the EM steps of a Student t."""
    law, error = errors.law.beams, errors.beam_errors(levels)
    there = np.isfinite(error)
    weight = np.broadcast_to(errors.model.beam_share[:, None], error.shape)[there]
    # A contrast of n beams has lost 1/n of its variance to their mean.
    count = np.broadcast_to(there.sum(axis=1)[:, None], error.shape)[there]
    square, scale = error[there] ** 2 * count / (count - 1), law.scale
    for _ in range(8):
        expected = (law.freedom + 1) / (law.freedom + square / scale**2)
        total = (weight * expected * square).sum() + PRIOR_BEAMS * law.scale**2
        scale = float(np.sqrt(total / (weight.sum() + PRIOR_BEAMS)))
    return dataclasses.replace(law, scale=scale)


def _dropout(model: LabelledModel, law: NoiseLaw, levels: PointLevels) -> float:
    """The likeliest of `DROPOUTS`, those that were heard counted as found, and the strongest as always named.

    Heard and silent ones count by the same distance, or dropout would come out by how dense the reports are.
    """
    share = independent_shares(model.heard, silence_distance(law.levels)) @ (
        1 - model.measured.heard.strongest
    )
    losses = []
    for dropout in DROPOUTS:
        silent = model.under(dataclasses.replace(law, dropout=dropout))
        losses.append(silent.silence_loss(levels.best) - share * np.log1p(-dropout))
    return DROPOUTS[int(np.argmin(losses))]
