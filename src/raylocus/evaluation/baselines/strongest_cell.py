"""What one cell says: near its site, in front of its sector, on the ring of its T_A; and the centroid of all heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from raylocus.evaluation.baselines.masses import GroundMethod, Located, circular_masses, masses
from raylocus.evaluation.baselines.training import examples, likeliest, likeliest_located
from raylocus.evaluation.evaluation import TrainingPlaces
from raylocus.evaluation.observations import Observations, advance_distances
from raylocus.models.inputs.nominal_maps import NominalMaps
from raylocus.network.reports.centroid import rsrp_centroid
from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import Cell, Deployment

#: Values that `fit` chooses from: decibels by which a weight falls to a tenth, and spreads [m].
DECADES_DB = (10.0, 20.0, 40.0, 80.0, 1000.0)
CENTROID_SPREADS = (35.0, 50.0, 70.0, 100.0, 140.0, 200.0, 280.0)
FITTED_REPORTS = 400


@dataclass(frozen=True)
class WeightedCentroid(GroundMethod):
    """A circular Gaussian about the weighted mean of the sites of the last report's cells, cut to open ground."""

    decade_db: float
    """A cell's weight is 10 to the power of RSRP / `decade_db`: 10 is its received power itself."""
    spread: float
    """Standard deviation an axis [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces) -> WeightedCentroid:
        """Chooses both numbers on training places. Raises InputError without training sequences."""
        chosen = examples(training, FITTED_REPORTS)
        best = likeliest_located((cls(name, decade, 70.0) for decade in DECADES_DB), chosen)
        return likeliest_located((replace(best, spread=spread) for spread in CENTROID_SPREADS), chosen)

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report, the estimate being the centroid."""
        centre = self.centroids(observed, maps.deployment)
        return circular_masses(centre, self.spread, maps), centre

    def centroids(self, observed: Observations, deployment: Deployment) -> Float[np.ndarray, "sample 2"]:
        """The weighted mean of the sites heard in each sequence's last report, the serving one if no level is [m]."""
        level = observed.rsrp[observed.last]
        site = deployment.site_positions[deployment.site_of_cell, :2]
        centre = rsrp_centroid(level, site, self.decade_db)
        return np.where(np.isfinite(centre), centre, site[observed.serving[observed.last]])


#: Distances in front of the sector [m] and spreads [m] that `fit` chooses from.
REACHES = (20.0, 40.0, 60.0, 80.0, 110.0, 150.0)
SPREADS = (25.0, 35.0, 50.0, 70.0, 100.0, 140.0)


@dataclass(frozen=True)
class StrongestCell(GroundMethod):
    """A circular Gaussian about a point in front of the serving cell, cut to open ground."""

    reach: float
    """Distance of the centre from the site along the cell's azimuth [m]; 0 is the site itself."""
    spread: float
    """Standard deviation an axis [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces, reaches: tuple[float, ...] = REACHES) -> StrongestCell:
        """Chooses one of the reaches [m], and the spread. Raises InputError without training sequences."""
        candidates = (cls(name, *values) for values in product(reaches, SPREADS))
        return likeliest_located(candidates, examples(training, FITTED_REPORTS))

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report's serving cell, the estimate being the centre itself."""
        cells, of_report = np.unique(observed.serving[observed.last], return_inverse=True)
        centre = self.centres(maps.deployment)[cells]
        return circular_masses(centre, self.spread, maps)[of_report], centre[of_report]

    def centres(self, deployment: Deployment) -> Float[np.ndarray, "cell 2"]:
        """The point that each cell stands for [m]."""
        azimuth = np.array([cell.azimuth for cell in deployment.cells])
        ahead = self.reach * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
        return deployment.site_positions[deployment.site_of_cell, :2] + ahead


#: Values that `fit` chooses from: mean excess of the path over the distance [m], its spread [m],
#: concentration of the azimuth about the beam or boresight, and slant range where T_A is missing [m].
EXCESSES = (-10.0, 0.0, 10.0, 20.0, 40.0)
RING_SPREADS = (10.0, 15.0, 25.0, 40.0, 60.0)
CONCENTRATIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
USUAL_DISTANCES = (60.0, 100.0, 150.0)
TIMED_REPORTS = 300


@dataclass(frozen=True)
class TimingAdvance(GroundMethod):
    """Density in range and azimuth about the serving site, cut to open ground."""

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
        chosen = examples(training, TIMED_REPORTS)
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

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report."""
        log_density = self.log_density(ring_and_wedge(observed, observed.last, maps))
        return masses(log_density, maps.prior.ravel()), None

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
