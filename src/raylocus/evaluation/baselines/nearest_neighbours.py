"""k nearest neighbours: R read as a book of fingerprints, one a ground cell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter
from sklearn.neighbors import NearestNeighbors

from raylocus.evaluation.baselines.nominal_maps import NominalMaps, nominal_maps
from raylocus.evaluation.baselines.training import Example, examples, likeliest
from raylocus.evaluation.density import posterior_of
from raylocus.evaluation.method import MappedPlace, TrainingPlaces
from raylocus.evaluation.observations import observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports

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
    """Level that stands for a dark or unreported cell [dBm]; weaker levels are raised to it."""
    spread: float
    """Standard deviation of the Gaussian put on each neighbour to make a density [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces) -> NearestNeighbours:
        """Chooses k, floor and spread on training places. Raises InputError without training sequences."""
        chosen = examples(training, FITTED_REPORTS)
        by_place = {id(example): nominal_maps(example.place) for example in chosen}

        def densities(method: NearestNeighbours, example: Example) -> Float[np.ndarray, "chosen ground"]:
            return method.density(example.observations.rsrp[example.last], by_place[id(example)])[0]

        spread = 25.0
        searches = (cls(name, k, floor, spread) for k, floor in product(NEIGHBOURS, FLOORS_DBM))
        best = likeliest(searches, densities, chosen)
        return likeliest(
            (cls(name, best.neighbours, best.floor_dbm, each) for each in SPREADS), densities, chosen
        )

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report, the estimate being the neighbours' mean.

        Raises:
            PlaceError: the reports name a PCI that the place does not have.
        """
        observed, maps = observations(reports, place.deployment), nominal_maps(place)
        density, neighbours = self.density(observed.rsrp[observed.last], maps)
        posterior = posterior_of(maps.grid, density.reshape(-1, *maps.grid.shape))
        mean = maps.grid.centres[neighbours].mean(axis=1)
        return Posterior(maps.grid, posterior.density, mean, posterior.covariance)

    def density(
        self, rsrp: Float[np.ndarray, "report cell"], maps: NominalMaps
    ) -> tuple[Float[np.ndarray, "report ground"], Int[np.ndarray, "report neighbour"]]:
        """Masses over the flat ground, and the neighbours' indices on it."""
        outdoors = np.flatnonzero(maps.prior > 0)
        book = NearestNeighbors(algorithm="brute").fit(self._fingerprint(maps.rsrp[:, outdoors].T))
        count = min(self.neighbours, len(outdoors))
        neighbours = outdoors[book.kneighbors(self._fingerprint(rsrp), count, return_distance=False)]
        density = np.zeros((len(rsrp), maps.grid.count**2), np.float32)
        np.put_along_axis(density, neighbours, 1.0, axis=1)
        spread = self.spread / maps.grid.resolution
        for row in density:
            row[:] = gaussian_filter(row.reshape(maps.grid.shape), spread, mode="constant").ravel() * (
                maps.prior > 0
            )
        return density / density.sum(axis=1, keepdims=True), neighbours

    def _fingerprint(self, rsrp: Float[np.ndarray, "row cell"]) -> Float[np.ndarray, "row cell"]:
        return np.maximum(np.nan_to_num(rsrp, nan=self.floor_dbm), self.floor_dbm)
