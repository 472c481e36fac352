"""Materials from measurements: permittivity and conductivity of each class, by an ensemble of worlds.

Nothing is traced: paths keep their surfaces, so another material is another field. Levels under materials drawn from
the law, each building with its own part, are regressed on what all of a material have in common: slabs reflect by
fringes, so that a slope at the listed value says little. What the regression leaves over, which is the buildings' own
part and the fringes, is a known covariance of the errors. Antennas are fitted along.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.calibration.antenna_model import PointLevels
from raylocus.calibration.error_law import loss_of_errors
from raylocus.calibration.labelled_calibration import CalibrationLaw, LabelledCalibration
from raylocus.calibration.labelled_model import LabelledModel
from raylocus.calibration.links import PointChannels
from raylocus.calibration.objective import Objective
from raylocus.propagation.atlas.atlas import PathAtlas, reorder
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.geometry_maps import MATERIALS
from raylocus.scenes.world import WorldLaw, draw_building_factors

#: Worlds of the ensemble, and what they are drawn by.
WORLDS, SEED = 64, 20261129
#: Steps of Gauss and Newton at most, and the improvement [nats] below which they end.
STEPS, SMALL = 8, 0.05
#: Share of the paths to the points that a material must touch to be asked for.
TOUCHED = 0.01
#: Step of the finite differences of what silence says, in deviations.
NUDGE = 0.05


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

    Args:
        found: a calibration by reports of known position.
        place: that it is of.
        law: whose world's law the priors are.
    """
    problem = _Problem.of(found, place, law.world)
    fixed = len(found.posterior.values)
    values = np.append(found.posterior.values, np.zeros(problem.columns.shape[1]))
    free = np.append(found.posterior.free, np.ones(problem.columns.shape[1], bool))
    reach = np.append(found.prior.deviation, np.ones(problem.columns.shape[1]))
    now = problem.posterior(values)
    for _ in range(STEPS):
        step = np.zeros(len(values))
        step[free] = -np.linalg.solve(now.hessian[np.ix_(free, free)], now.gradient[free])
        tried = values + np.clip(step, -reach, reach)
        then = problem.posterior(tried)
        if then.loss >= now.loss:
            break
        gained, values, now = now.loss - then.loss, tried, then
        if gained < SMALL:
            break
    covariance = np.linalg.inv(now.hessian[np.ix_(free, free)])
    first, asked = int(found.posterior.free.sum()), 2 * len(problem.materials)
    deviation = problem.spread * np.sqrt(np.diag(covariance)[first : first + asked])
    permittivity, conductivity = (problem.spread * values[fixed : fixed + asked]).reshape(2, -1)
    radio = place.atlas.materials
    return MaterialEstimates(
        names=tuple(MATERIALS[index] for index in problem.materials),
        permittivity=permittivity,
        permittivity_deviation=deviation[: asked // 2],
        conductivity=conductivity,
        conductivity_deviation=deviation[asked // 2 :],
        nominal_permittivity=radio.permittivity[problem.materials],
        nominal_conductivity=radio.conductivity[problem.materials],
    )


@dataclass(frozen=True)
class _Problem:
    """Levels as linear functions of materials, and as functions of antennas."""

    found: LabelledCalibration
    materials: Int[np.ndarray, " asked"]
    """Index into MATERIALS of each that is asked for."""
    spread: Float[np.ndarray, " factor"]
    """Standard deviation of each ln factor of its permittivity, then conductivity, by the law."""
    mean: Float[np.ndarray, " point"]
    """Mean level of the ensemble over that of the listed materials [dB]."""
    columns: Float[np.ndarray, "point column"]
    """Change of the levels by each factor, and by each direction of what is left over, per deviation [dB]."""

    @classmethod
    def of(cls, found: LabelledCalibration, place: TracedPlace, law: WorldLaw) -> _Problem:
        """By an ensemble of materials that paths to the points touch."""
        measured = found.model.measured
        ground = np.concatenate([measured.heard.ground, measured.silent.ground, measured.beamed.ground])
        some = _paths_to(place.atlas, ground)
        touched = [(some.material == index).any(axis=1).mean() for index in range(len(MATERIALS))]
        materials = np.flatnonzero(np.array(touched) > TOUCHED)
        small = dataclasses.replace(place)
        small.__dict__.update(geometry_maps=place.geometry_maps, atlas=some)
        spread = np.repeat(law.log_deviations(1 - law.building_share), len(materials))
        generator = np.random.default_rng(SEED)
        drawn = generator.normal(size=(WORLDS, len(spread)))
        seeds = generator.integers(2**62, size=WORLDS).tolist()
        levels = np.array(
            [
                _levels(found, small, _drawn(some, law, materials, spread * factors, seed))
                for factors, seed in zip(drawn, seeds, strict=True)
            ]
        )
        return cls(
            found, materials, spread, *_regressed(levels, drawn, _levels(found, small, some.materials))
        )

    def posterior(self, values: Float[np.ndarray, " value"]) -> Objective:
        """−ln posterior of antennas, materials and what is left over; of silence's curvature the antennas' alone."""
        found, size = self.found, len(self.found.posterior.values)
        plain, extra = values[:size], values[size:]
        errors = found.model.under(found.noise)
        levels, point = self._moved(found.model.modelled(plain), extra), found.model.heard_point
        by_antenna = errors.objective_of(levels)
        slopes = found.model.layout.spread(levels.best_slopes[point], found.model.cell[point])
        curved = loss_of_errors(errors.errors(levels.best), found.noise.levels, errors.blocks)
        gradient, hessian = curved.normal(np.column_stack([slopes, self.columns[point]]))
        gradient[:size] = by_antenna.gradient
        hessian[:size, :size] = by_antenna.hessian
        silence = errors.silence_loss(levels.best)
        for column, change in enumerate(NUDGE * self.columns.T):
            gradient[size + column] += (errors.silence_loss(levels.best + change) - silence) / NUDGE
        prior = found.prior
        loss = by_antenna.loss + prior.loss(plain) + float(extra @ extra) / 2
        precision = np.append(prior.precision(plain), np.ones(len(extra)))
        own = np.append(prior.gradient(plain), extra)
        return Objective(loss, gradient + own, hessian + np.diag(precision))

    def _moved(self, levels: PointLevels, extra: Float[np.ndarray, " column"]) -> PointLevels:
        shift = self.mean + self.columns @ extra
        return dataclasses.replace(levels, beams=levels.beams + shift[:, None])


def _regressed(
    levels: Float[np.ndarray, "world point"],
    drawn: Float[np.ndarray, "world factor"],
    listed: Float[np.ndarray, " point"],
) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, "point column"]]:
    """Mean over the listed levels; slopes by the drawn factors, and what is left over, as columns."""
    design = np.column_stack([np.ones(len(drawn)), drawn])
    slopes = np.linalg.lstsq(design, levels - listed, rcond=None)[0]
    left = (levels - listed - design @ slopes) / np.sqrt(len(drawn) - design.shape[1])
    return slopes[0], np.concatenate([slopes[1:], left]).T


def _drawn(
    atlas: PathAtlas,
    law: WorldLaw,
    materials: Int[np.ndarray, " asked"],
    log_factors: Float[np.ndarray, " factor"],
    seed: int,
) -> RadioMaterials:
    """Materials by factors of what is asked for, each building with its own part besides."""
    scale = np.ones((2, len(MATERIALS)))
    scale[:, materials] = np.exp(log_factors.reshape(2, -1))
    own = draw_building_factors(atlas.buildings, *law.log_deviations(law.building_share), seed)
    return dataclasses.replace(atlas.materials.scaled(*scale), buildings=own)


def _levels(
    found: LabelledCalibration, place: TracedPlace, materials: RadioMaterials
) -> Float[np.ndarray, " point"]:
    """Levels at the points with the calibrated antennas and other materials [dBm]."""
    model = LabelledModel(found.model.measured, place, PointChannels(place, materials))
    return model.levels.beams(model.antennas(found.posterior.values)).max(axis=1)


def _paths_to(atlas: PathAtlas, ground: Int[np.ndarray, " token"]) -> PathAtlas:
    reached = np.zeros(atlas.grid.count**2, bool)
    reached[ground] = True
    return reorder(atlas, np.flatnonzero(reached[atlas.ground_cell]))
