"""k nearest neighbours: R read as a book of fingerprints, one a ground cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from sklearn.neighbors import NearestNeighbors

from raylocus.evaluation.baselines.masses import blurred_masses, posterior_of_masses
from raylocus.evaluation.baselines.training import examples, likeliest
from raylocus.evaluation.method import TrainingPlaces
from raylocus.evaluation.observations import observations
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports

#: Values that `fit` chooses from.
NEIGHBOURS = (1, 5, 20, 60, 200)
FLOORS_DBM = (-130.0, -115.0, -105.0)
SPREADS = (4.0, 12.0, 25.0, 45.0)
FITTED_REPORTS = 200


@dataclass(frozen=True)
class NearestNeighbours:
    """The mean of the ground cells whose RSRP vector is nearest to the last report's."""

    name: str
    neighbours: int
    """k."""
    floor_dbm: float
    """Level that stands for an unreported cell [dBm]; weaker levels are raised to it."""
    spread: float
    """Standard deviation of the Gaussian put on each neighbour to make a density [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces) -> NearestNeighbours:
        """Chooses k, floor and spread on training places. Raises InputError without training sequences."""
        chosen = examples(training, FITTED_REPORTS)
        last = [one.observations.rsrp[one.observations.last] for one in chosen]
        nearest = {
            floor: [
                cls(name, max(NEIGHBOURS), floor, 0.0).nearest(rsrp, one.maps)
                for rsrp, one in zip(last, chosen, strict=True)
            ]
            for floor in FLOORS_DBM
        }

        def scores(method: NearestNeighbours, number: int) -> Float[np.ndarray, " sample"]:
            # Neighbours come nearest first, so that fewer of them are the first ones.
            found, one = nearest[method.floor_dbm][number][:, : method.neighbours], chosen[number]
            return one.log_scores_of_masses(method.density(found, one.maps))

        searches = (cls(name, k, floor, 25.0) for k, floor in product(NEIGHBOURS, FLOORS_DBM))
        best = likeliest(searches, scores, chosen)
        return likeliest((replace(best, spread=each) for each in SPREADS), scores, chosen)

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report, the estimate being the neighbours' mean.

        Raises:
            PlaceError: the reports name a PCI that the place does not have.
        """
        maps = nominal_maps(place)
        observed = observations(reports, maps.deployment)
        neighbours = self.nearest(observed.rsrp[observed.last], maps)
        mean = maps.tile.centres[neighbours].mean(axis=1)
        return posterior_of_masses(maps.tile, self.density(neighbours, maps), mean)

    def nearest(
        self, rsrp: Float[np.ndarray, "report cell"], maps: NominalMaps
    ) -> Int[np.ndarray, "report neighbour"]:
        """Outdoor ground cells whose levels are nearest to the reported ones, the nearest first."""
        outdoors = np.flatnonzero(maps.outdoor)
        levels = maps.level.reshape(len(maps.level), -1)[:, outdoors]
        book = NearestNeighbors(algorithm="brute").fit(self._fingerprint(levels.T))
        count = min(self.neighbours, len(outdoors))
        found: Int[np.ndarray, "report neighbour"] = book.kneighbors(
            self._fingerprint(rsrp), count, return_distance=False
        )
        return outdoors[found]

    def density(
        self, neighbours: Int[np.ndarray, "report neighbour"], maps: NominalMaps
    ) -> Float[np.ndarray, "report ground"]:
        """Masses over the flat ground of a Gaussian at each neighbour."""
        weight = np.zeros((len(neighbours), maps.tile.count**2), np.float32)
        np.put_along_axis(weight, neighbours, 1.0, axis=1)
        return blurred_masses(weight, self.spread, maps)

    def _fingerprint(self, rsrp: Float[np.ndarray, "row cell"]) -> Float[np.ndarray, "row cell"]:
        return np.maximum(np.nan_to_num(rsrp, nan=self.floor_dbm), self.floor_dbm)
