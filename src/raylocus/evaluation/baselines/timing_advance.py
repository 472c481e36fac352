"""Timing advance and azimuth: a ring about the serving site, a wedge along its best beam."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.baselines.training import Example, examples, likeliest
from raylocus.evaluation.density import normalised, outdoor_prior, posterior_of
from raylocus.evaluation.method import MappedPlace, TrainingPlaces, map_grid
from raylocus.evaluation.observations import Observations, observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import Cell
from raylocus.units import timing_advance_distance

#: Values that `fit` chooses from: mean excess of the path over the distance [m], its spread [m],
#: concentration of the azimuth about the beam or boresight, and distance where T_A is missing [m].
EXCESSES = (-10.0, 0.0, 10.0, 20.0, 40.0)
RING_SPREADS = (10.0, 15.0, 25.0, 40.0, 60.0)
CONCENTRATIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
USUAL_DISTANCES = (60.0, 100.0, 150.0)
FITTED_REPORTS = 300


@dataclass(frozen=True)
class TimingAdvance:
    """Density in range and azimuth about the serving site, cut to open ground."""

    name: str
    excess: float
    """Mean excess of T_A's distance over the true one [m]: reflected paths are longer."""
    spread: float
    """Standard deviation of the range [m]."""
    concentration: float
    """κ of the von Mises distribution of the azimuth about the best beam or the boresight."""
    usual_distance: float
    """Mean of the exponential distribution of the range where T_A is missing [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces) -> TimingAdvance:
        """Chooses all parameters on training places. Raises InputError without training sequences."""
        chosen = examples(training, FITTED_REPORTS)
        rings = (cls(name, excess, spread, 4.0, 100.0) for excess, spread in product(EXCESSES, RING_SPREADS))
        ring = likeliest(rings, _density_of_example, chosen)
        wedges = (
            cls(name, ring.excess, ring.spread, concentration, usual)
            for concentration, usual in product(CONCENTRATIONS, USUAL_DISTANCES)
        )
        return likeliest(wedges, _density_of_example, chosen)

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report. Raises PlaceError for an unknown PCI."""
        observed, grid = observations(reports, place.deployment), map_grid(place)
        density = self.density(observed, observed.last, place)
        return posterior_of(grid, density.reshape(-1, *grid.shape))

    def density(
        self, observed: Observations, rows: Int[np.ndarray, "report"], place: MappedPlace
    ) -> Float[np.ndarray, "report ground"]:
        """Masses over the flat ground for some reports."""
        deployment = place.deployment
        serving = observed.serving[rows]
        site = deployment.site_positions[deployment.site_of_cell]
        away = (map_grid(place).centres[None] - site[:, None, :2]).astype(np.float32)
        distance, azimuth = np.hypot(away[..., 0], away[..., 1]), np.arctan2(away[..., 1], away[..., 0])
        slant = np.hypot(distance, site[:, 2:].astype(np.float32) - np.float32(1.5))
        step = timing_advance_distance(deployment.carrier.numerology)
        measured = (observed.timing_advance[rows] * step - self.excess).astype(np.float32)[:, None]
        ring = -((np.nan_to_num(measured) - slant[serving]) ** 2) / np.float32(2 * self.spread**2)
        usual = -distance[serving] / np.float32(self.usual_distance)
        pointing = _pointing(deployment.cells, serving, observed.beam_rsrp[rows])
        wedge = np.float32(self.concentration) * np.cos(
            azimuth[serving] - pointing[:, None].astype(np.float32)
        )
        with np.errstate(divide="ignore"):
            # d(slant) d(azimuth) = dx dy / slant: ground far out subtends less of both.
            area = np.log(outdoor_prior(place).ravel()) - np.log(slant[serving])
        log_density = np.where(np.isfinite(measured), ring, usual) + wedge + area
        return normalised(log_density[:, None, :])[:, 0]


def _pointing(
    cells: tuple[Cell, ...], serving: Int[np.ndarray, "report"], beam_rsrp: Float[np.ndarray, "report beam"]
) -> Float[np.ndarray, "report"]:
    """Azimuth of the strongest reported beam, of the boresight where no beam is reported [rad]."""
    level = np.where(np.isfinite(beam_rsrp), beam_rsrp, -np.inf)
    best = np.where(np.isfinite(beam_rsrp).any(axis=1), level.argmax(axis=1), -1)
    return np.array([
        cells[cell].azimuth if beam < 0 else cells[cell].azimuth + beam_azimuths(cells[cell].array)[beam]
        for cell, beam in zip(serving, best, strict=True)
    ])  # fmt: skip


def _density_of_example(method: TimingAdvance, example: Example) -> Float[np.ndarray, "chosen ground"]:
    return method.density(example.observations, example.last, example.place)
