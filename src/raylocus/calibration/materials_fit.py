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
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.scenes.geometry_maps import MATERIALS

#: Step of the finite differences of ln permittivity and ln conductivity.
STEP = 0.05
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
    error, slopes = problem.evaluated(values)
    loss, gradient, hessian = _posterior(found, error, slopes, values, spread)
    for _ in range(STEPS):
        step = np.zeros(len(values))
        step[free] = -np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        reach = np.append(found.prior.deviation, spread)
        tried = values + np.clip(step, -reach, reach)
        error, slopes = problem.evaluated(tried)
        then, *rest = _posterior(found, error, slopes, tried, spread)
        if then >= loss:
            break
        gained, loss, values, (gradient, hessian) = loss - then, then, tried, rest
        if gained < SMALL:
            break
    covariance = np.linalg.inv(hessian[np.ix_(free, free)])
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


def _posterior(
    found: LabelledCalibration,
    error: Float[np.ndarray, " token"],
    slopes: Float[np.ndarray, "token value"],
    values: Float[np.ndarray, " value"],
    spread: Float[np.ndarray, " material"],
) -> tuple[float, Float[np.ndarray, " value"], Float[np.ndarray, "value value"]]:
    errors = found.model.under(found.noise)
    curved = loss_of_errors(error, found.noise.levels, errors.blocks)
    gradient, hessian = curved.normal(slopes)
    plain, extra = values[: -len(spread)], values[-len(spread) :]
    loss = curved.loss + found.prior.loss(plain) + float(((extra / spread) ** 2).sum()) / 2
    gradient += np.append(found.prior.gradient(plain), extra / spread**2)
    precision = np.append(found.prior.precision(plain), spread**-2.0)
    return loss, gradient, hessian + np.diag(precision)


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

    def evaluated(
        self, values: Float[np.ndarray, " value"]
    ) -> tuple[Float[np.ndarray, " token"], Float[np.ndarray, "token value"]]:
        """Reported less modelled levels [dB], and the modelled levels' derivatives."""
        count = len(self.materials)
        plain, factors = values[: -2 * count], values[-2 * count :]
        model = self._model(factors)
        levels = model.modelled(plain)
        point = model.heard_point
        by_antenna = model.layout.spread(levels.best_slopes[point], model.cell[point])
        columns = []
        for index in range(2 * count):
            nudged = factors.copy()
            nudged[index] += STEP
            other = self._model(nudged)
            beams = other.levels.beams(other.antennas(plain)).max(axis=1)
            columns.append((beams - levels.best)[point] / STEP)
        error = model.measured.heard.level - levels.best[point]
        return error, np.column_stack([by_antenna, *columns])

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
