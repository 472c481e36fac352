"""Timing advance and azimuth: a ring about the serving site, a wedge along its best beam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.baselines.masses import masses, posterior_of_masses
from raylocus.evaluation.baselines.training import examples, likeliest
from raylocus.evaluation.method import TrainingPlaces
from raylocus.evaluation.observations import Observations, advance_distances, observations
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import Cell

#: Values that `fit` chooses from: mean excess of the path over the distance [m], its spread [m],
#: concentration of the azimuth about the beam or boresight, and slant range where T_A is missing [m].
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
        shapes = [ring_and_wedge(one.observations, one.observations.last, one.maps) for one in chosen]

        def scores(method: TimingAdvance, number: int) -> Float[np.ndarray, " sample"]:
            return chosen[number].log_scores(method.log_density(shapes[number]))

        rings = (cls(name, excess, spread, 4.0, 100.0) for excess, spread in product(EXCESSES, RING_SPREADS))
        ring = likeliest(rings, scores, chosen)
        wedges = (
            replace(ring, concentration=concentration, usual_distance=usual)
            for concentration, usual in product(CONCENTRATIONS, USUAL_DISTANCES)
        )
        return likeliest(wedges, scores, chosen)

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report. Raises PlaceError for an unknown PCI."""
        maps = nominal_maps(place)
        observed = observations(reports, maps.deployment)
        log_density = self.log_density(ring_and_wedge(observed, observed.last, maps))
        return posterior_of_masses(maps.tile, masses(log_density, maps.prior.ravel()))

    def log_density(self, shape: RingAndWedge) -> Float[np.ndarray, "report ground"]:
        """ln of the density over the flat ground, up to a constant of each report."""
        timed = np.isfinite(shape.measured)
        measured = np.nan_to_num(shape.measured - np.float32(self.excess))[:, None]
        log_density = np.square(shape.slant - measured) * np.float32(-1 / (2 * self.spread**2))
        log_density[~timed] = shape.slant[~timed] * np.float32(-1 / self.usual_distance)
        log_density += np.float32(self.concentration) * shape.alignment
        log_density -= shape.log_slant
        return log_density


@dataclass(frozen=True)
class RingAndWedge:
    """How ground cells lie about the serving sites of some reports: what no parameter enters."""

    measured: Float[np.ndarray, " report"]
    """T_A's distance [m]; NaN where it is missing."""
    slant: Float[np.ndarray, "report ground"]
    """Straight line from the serving site to the UE above the terrain [m]."""
    log_slant: Float[np.ndarray, "report ground"]
    """Its logarithm. d(slant) d(azimuth) = dx dy / slant: ground far out subtends less of both."""
    alignment: Float[np.ndarray, "report ground"]
    """Cosine of the angle between the ground cell and the best beam, or the boresight."""


def ring_and_wedge(
    observed: Observations, rows: Int[np.ndarray, " report"], maps: NominalMaps
) -> RingAndWedge:
    """How ground cells lie about the serving sites of some reports."""
    serving = observed.serving[rows]
    site = maps.deployment.site_of_cell[serving]
    slant = maps.straight_length.reshape(len(maps.straight_length), -1)
    azimuth = maps.azimuth.reshape(slant.shape)[site]
    azimuth -= _pointing(maps.deployment.cells, serving, observed.beam_rsrp[rows])[:, None].astype(np.float32)
    return RingAndWedge(
        measured=advance_distances(observed, rows, maps.deployment).astype(np.float32),
        slant=slant[site],
        log_slant=np.log(slant)[site],
        alignment=np.cos(azimuth, out=azimuth),
    )


def _pointing(
    cells: tuple[Cell, ...], serving: Int[np.ndarray, " report"], beam_rsrp: Float[np.ndarray, "report beam"]
) -> Float[np.ndarray, " report"]:
    """Azimuth of the strongest reported beam, of the boresight where no beam is reported [rad]."""
    level = np.where(np.isfinite(beam_rsrp), beam_rsrp, -np.inf)
    best = np.where(np.isfinite(beam_rsrp).any(axis=1), level.argmax(axis=1), -1)
    return np.array([
        cells[cell].azimuth if beam < 0 else cells[cell].azimuth + beam_azimuths(cells[cell].array)[beam]
        for cell, beam in zip(serving, best, strict=True)
    ])  # fmt: skip
