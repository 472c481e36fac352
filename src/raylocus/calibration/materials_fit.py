"""Materials from measurements: permittivity and conductivity of each class, by derivatives through the atlas's fields.

Nothing is traced: paths keep their surfaces, so another material is another field. Levels and antennas are fitted
along, so that their uncertainty is in the materials' intervals.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.calibration.error_law import loss_of_errors
from raylocus.calibration.labelled_calibration import CalibrationLaw, LabelledCalibration
from raylocus.calibration.labelled_model import LabelledModel
from raylocus.calibration.links import PointChannels
from raylocus.calibration.objective import Objective
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.geometry_maps import MATERIALS

#: Step of the finite differences of ln permittivity and ln conductivity.
STEP = 0.02
#: Steps of Gauss and Newton at most, and the improvement [nats] below which they end.
STEPS, SMALL = 8, 0.05
#: Share of the paths to the points that a material must touch to be asked for.
TOUCHED = 0.01


@dataclass(frozen=True)
class MaterialEstimates:
    """Natural logarithms of the factors on the place's materials, with standard deviations."""

    names: tuple[str, ...]
    permittivity: Float[np.ndarray, " material"]
    permittivity_deviation: Float[np.ndarray, " material"]
    conductivity: Float[np.ndarray, " material"]
    conductivity_deviation: Float[np.ndarray, " material"]
    nominal_permittivity: Float[np.ndarray, " material"]
    """Relative permittivity as listed."""
    nominal_conductivity: Float[np.ndarray, " material"]
    """S/m as listed."""


def fit_materials(found: LabelledCalibration, place: TracedPlace, law: CalibrationLaw) -> MaterialEstimates:
    """MAP of all materials that paths to the measured points touch, the calibrated antennas' values fitted along.

    The prior is the spread that a world's materials have in common: each building's own part is among the errors.

    Args:
        found: a calibration by reports of known position.
        place: that it is of.
        law: whose world's law the priors are.
    """
    problem = _Problem.of(found, place)
    share = law.world.log_deviations(1 - law.world.building_share)
    count = len(problem.materials)
    spread = np.maximum(np.repeat(share, count), 1e-3)
    values = np.append(found.posterior.values, np.zeros(2 * count))
    free = np.append(found.posterior.free, np.ones(2 * count, bool))
    now = problem.posterior(values, spread)
    for _ in range(STEPS):
        step = np.zeros(len(values))
        step[free] = -np.linalg.solve(now.hessian[np.ix_(free, free)], now.gradient[free])
        reach = np.append(found.prior.deviation, spread)
        tried = values + np.clip(step, -reach, reach)
        then = problem.posterior(tried, spread)
        if then.loss >= now.loss:
            break
        gained, values, now = now.loss - then.loss, tried, then
        if gained < SMALL:
            break
    covariance = np.linalg.inv(now.hessian[np.ix_(free, free)])
    deviation = np.sqrt(np.diag(covariance))[-2 * count :]
    radio = place.atlas.materials
    return MaterialEstimates(
        names=tuple(MATERIALS[index] for index in problem.materials),
        permittivity=values[-2 * count : -count],
        permittivity_deviation=deviation[:count],
        conductivity=values[-count:],
        conductivity_deviation=deviation[count:],
        nominal_permittivity=radio.permittivity[problem.materials],
        nominal_conductivity=radio.conductivity[problem.materials],
    )


@dataclass(frozen=True)
class _Problem:
    """Levels as functions of antennas and materials."""

    found: LabelledCalibration
    place: TracedPlace
    """With the paths to the measured points alone."""
    materials: Int[np.ndarray, " asked"]
    """Index into MATERIALS of each that is asked for."""

    @classmethod
    def of(cls, found: LabelledCalibration, place: TracedPlace) -> _Problem:
        """With the materials that paths to the points touch."""
        some = _paths_to(place.atlas, found.model.measured.heard.ground)
        touched = [(some.material == index).any(axis=1).mean() for index in range(len(MATERIALS))]
        small = dataclasses.replace(place)
        small.__dict__.update(geometry_maps=place.geometry_maps, atlas=some)
        return cls(found, small, np.flatnonzero(np.array(touched) > TOUCHED))

    def posterior(
        self, values: Float[np.ndarray, " value"], spread: Float[np.ndarray, " factor"]
    ) -> Objective:
        """−ln posterior of antennas and materials; silence and beams count in its loss and gradient."""
        plain, factors = values[: -len(spread)], values[-len(spread) :]
        likelihood, prior = self._likelihood(plain, factors), self.found.prior
        loss = likelihood.loss + prior.loss(plain) + float(((factors / spread) ** 2).sum()) / 2
        gradient = likelihood.gradient + np.append(prior.gradient(plain), factors / spread**2)
        precision = np.append(prior.precision(plain), spread**-2.0)
        return Objective(loss, gradient, likelihood.hessian + np.diag(precision))

    def _likelihood(
        self, plain: Float[np.ndarray, " value"], factors: Float[np.ndarray, " factor"]
    ) -> Objective:
        fixed = self.found.model.under(self.found.noise)
        model = self._model(factors)
        errors, levels = dataclasses.replace(fixed, model=model), model.modelled(plain)
        by_antenna, point = errors.objective_of(levels), model.heard_point
        columns, gradient = [], [by_antenna.gradient]
        for index in range(len(factors)):
            nudged = factors.copy()
            nudged[index] += STEP
            other = self._model(nudged)
            beams = other.levels.beams(other.antennas(plain))
            columns.append((beams.max(axis=1) - levels.best)[point] / STEP)
            moved = dataclasses.replace(fixed, model=other).loss(beams)
            gradient.append(np.array([(moved - by_antenna.loss) / STEP]))
        slopes = model.layout.spread(levels.best_slopes[point], model.cell[point])
        curved = loss_of_errors(errors.errors(levels.best), fixed.law.levels, fixed.blocks)
        _, hessian = curved.normal(np.column_stack([slopes, *columns]))
        hessian[: len(plain), : len(plain)] = by_antenna.hessian
        return Objective(by_antenna.loss, np.concatenate(gradient), hessian)

    def _model(self, factors: Float[np.ndarray, " factor"]) -> LabelledModel:
        scale = np.ones((2, len(MATERIALS)))
        scale[:, self.materials] = np.exp(factors.reshape(2, -1))
        materials = self.place.atlas.materials.scaled(*scale)
        measured = self.found.model.measured
        return LabelledModel(measured, self.place, PointChannels(self.place, materials))


def _paths_to(atlas: PathAtlas, ground: Int[np.ndarray, " token"]) -> PathAtlas:
    reached = np.zeros(atlas.grid.count**2, bool)
    reached[ground] = True
    return reorder(atlas, np.flatnonzero(reached[atlas.ground_cell]))
