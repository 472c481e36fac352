"""Fingerprints of R: k nearest neighbours in a book of one a ground cell, and a quantile regression forest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import NearestNeighbors

from raylocus.evaluation.baselines.masses import GroundMethod, Located, blurred_masses
from raylocus.evaluation.baselines.training import examples, likeliest
from raylocus.evaluation.evaluation import TrainingPlaces
from raylocus.evaluation.observations import Observations
from raylocus.models.inputs.nominal_maps import NominalMaps

#: Values that `fit` chooses from.
NEIGHBOURS = (1, 5, 20, 60, 200)
FLOORS_DBM = (-130.0, -115.0, -105.0)
SPREADS = (4.0, 12.0, 25.0, 45.0)
FITTED_REPORTS = 200


@dataclass(frozen=True)
class NearestNeighbours(GroundMethod):
    """The mean of the ground cells whose RSRP vector is nearest to the last report's."""

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
        widest = {floor: cls(name, max(NEIGHBOURS), floor, 0.0) for floor in FLOORS_DBM}
        nearest = {
            floor: [one.nearest(each.rsrp, each.maps) for each in chosen] for floor, one in widest.items()
        }

        def scores(method: NearestNeighbours, number: int) -> Float[np.ndarray, " sample"]:
            # Neighbours come nearest first, so that fewer of them are the first ones.
            found, one = nearest[method.floor_dbm][number][:, : method.neighbours], chosen[number]
            return one.log_scores_of_masses(method.density(found, one.maps))

        searches = (cls(name, k, floor, 25.0) for k, floor in product(NEIGHBOURS, FLOORS_DBM))
        best = likeliest(searches, scores, chosen)
        return likeliest((replace(best, spread=each) for each in SPREADS), scores, chosen)

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report, the estimate being the neighbours' mean."""
        neighbours = self.nearest(observed.rsrp[observed.last], maps)
        return self.density(neighbours, maps), maps.tile.centres[neighbours].mean(axis=1)

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


#: Values that `fit` chooses from: spread of a fingerprint about R [dB].
NOISES_DB = (4.0, 8.0)
#: Places whose sequences they are chosen on: each noise is a forest for each place.
FITTED_PLACES = 3
#: Fingerprints, trees, fewer trees that choose as well, and fingerprints in a leaf at least.
FINGERPRINTS, TREES, FITTED_TREES, LEAF = 5000, 30, 10, 10
#: Share of the cells of a fingerprint that go unreported, and the level that stands for them [dBm].
DROPPED, FLOOR_DBM = 0.15, -125.0
SEED = 0


@dataclass(frozen=True)
class RandomForest(GroundMethod):
    """A forest of regression trees from the levels of a place's cells to the position, grown on nominal R.

    The density is that of the fingerprints in the leaves that a report falls into, each tree counting the same
    (Meinshausen 2006, quantile regression forests); the estimate is their mean, which is the forest's own.
    """

    noise_db: float
    """Standard deviation of each level of a fingerprint about R, and of an offset common to all [dB]."""
    spread: float
    """Standard deviation of the Gaussian put on each fingerprint's ground cell to make a density [m]."""

    @classmethod
    def fit(cls, name: str, training: TrainingPlaces) -> RandomForest:
        """Chooses noise and spread on training places. Raises InputError without training sequences."""
        some = [pair for pair, _ in zip(training, range(FITTED_PLACES), strict=False)]
        chosen = examples(some, FITTED_REPORTS)
        weights = {
            noise: [cls(name, noise, 0.0).weights(one.rsrp, one.maps, FITTED_TREES) for one in chosen]
            for noise in NOISES_DB
        }

        def scores(method: RandomForest, number: int) -> Float[np.ndarray, " sample"]:
            one = chosen[number]
            weight = weights[method.noise_db][number]
            return one.log_scores_of_masses(blurred_masses(weight, method.spread, one.maps))

        best = likeliest((cls(name, noise, 25.0) for noise in NOISES_DB), scores, chosen)
        return likeliest((replace(best, spread=spread) for spread in SPREADS), scores, chosen)

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report, the estimate being the forest's."""
        weight = self.weights(observed.rsrp[observed.last], maps)
        return blurred_masses(weight, self.spread, maps), weight @ maps.tile.centres

    def weights(
        self, rsrp: Float[np.ndarray, "report cell"], maps: NominalMaps, trees: int = TREES
    ) -> Float[np.ndarray, "report ground"]:
        """Weight of each ground cell in the answer to each report; sums to 1."""
        generator = np.random.default_rng(SEED)
        ground = generator.choice(np.flatnonzero(maps.outdoor), FINGERPRINTS)
        book = _features(self._fingerprints(ground, maps, generator))
        forest = RandomForestRegressor(trees, min_samples_leaf=LEAF, max_features=0.5, random_state=SEED)
        forest.fit(book, maps.tile.centres[ground])
        # Leaves of all trees are numbered one after the other, so that all weights are one sparse product.
        first = np.cumsum([0, *(tree.tree_.node_count for tree in forest.estimators_)])
        held = _incidence(forest.apply(book) + first[:-1], int(first[-1])).T
        share = _incidence(ground[:, None], maps.outdoor.size)
        mass = held @ share
        mass = mass.multiply(1 / np.maximum(mass.sum(axis=1), 1)[:, None]).tocsr()
        found: Float[np.ndarray, "report ground"] = (
            _incidence(forest.apply(_features(rsrp)) + first[:-1], int(first[-1])) @ mass / trees
        ).toarray()
        return found

    def _fingerprints(
        self, ground: Int[np.ndarray, " row"], maps: NominalMaps, generator: np.random.Generator
    ) -> Float[np.ndarray, "row cell"]:
        """Levels as a UE may report them on some ground cells; NaN is not reported."""
        level = maps.level.reshape(len(maps.level), -1)[:, ground].T
        level = level + self.noise_db * generator.standard_normal(level.shape)
        level += self.noise_db * generator.standard_normal((len(level), 1))
        level[(generator.random(level.shape) < DROPPED) | (level < FLOOR_DBM)] = np.nan
        return level


def _features(rsrp: Float[np.ndarray, "row cell"]) -> Float[np.ndarray, "row feature"]:
    """What trees divide by: levels, and levels relative to the strongest, in which a common offset is gone."""
    level = np.maximum(np.nan_to_num(rsrp, nan=FLOOR_DBM), FLOOR_DBM)
    return np.concatenate([level, level - level.max(axis=1, keepdims=True)], axis=1).astype(np.float32)


def _incidence(leaf: Int[np.ndarray, "row tree"], leaves: int) -> csr_array:
    """1 where a row falls into a leaf (or ground cell), as a sparse matrix of rows and leaves."""
    rows = np.repeat(np.arange(len(leaf)), leaf.shape[1])
    return csr_array((np.ones(leaf.size), (rows, leaf.ravel())), (len(leaf), leaves))
