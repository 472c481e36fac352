"""Multilateration and time differences of arrival by robust least squares on ranges, without a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.baselines.masses import gaussian_masses
from raylocus.evaluation.baselines.ranges import Ranges, ranges_of
from raylocus.evaluation.baselines.training import Example, examples, likeliest
from raylocus.evaluation.evaluation import TrainingPlaces
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import Posterior, posterior_of
from raylocus.network.reports.reports import Reports

#: What a method may measure with: rows of `Ranges`.
MULTILATERATION = ("level", "round_trip")
TIME_DIFFERENCES = ("level", "difference", "arrival")
#: Values that `fit` chooses from: spread of log10 of a level's distance, of a time's length [m], mean excess of a
#: round trip's length over the distance [m], factors on the standard deviations that the Jacobian gives.
LEVEL_SPREADS = (0.3, 0.6, 1.2)
TIMING_SPREADS = (4.0, 12.0, 36.0)
EXCESSES = (0.0, 15.0, 30.0, 60.0)
INFLATIONS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 6.0, 9.0)
FITTED_REPORTS = 120
#: Common error of all levels of a report, as log10 of a distance: 12 dB at 35.3 dB a decade.
COMMON_SPREAD = 0.34
#: Steps of a solution, and its first damping, which falls by the factor with each step that is taken and rises by it
#: with each that is not (Levenberg and Marquardt, as Nielsen 1999 has it in its simplest form).
STEPS, DAMPING, DAMPING_FACTOR = 30, 1e-3, 8.0


@dataclass(frozen=True)
class Solution:
    """Least squares' answers: estimates and what their Jacobians say of them."""

    position: Float[np.ndarray, "sample 2"]
    """[m]."""
    covariance: Float[np.ndarray, "sample 2 2"]
    """(JᵀJ)⁻¹ of the weighted residuals, the prior of the tile included [m²]."""
    cost: Float[np.ndarray, " sample"]
    """Soft L1 of the weighted residuals."""

    @classmethod
    def better(cls, solutions: Sequence[Solution]) -> Solution:
        """Of each sequence the one that costs least."""
        best = np.argmin([one.cost for one in solutions], axis=0), np.arange(len(solutions[0].cost))
        return cls(
            np.stack([one.position for one in solutions])[best],
            np.stack([one.covariance for one in solutions])[best],
            np.stack([one.cost for one in solutions])[best],
        )


@dataclass(frozen=True)
class RangeLeastSquares:
    """The point whose distances to the sites fit the last report's ranges best (soft L1), with a Gaussian about it.

    Each range is a residual over its spread; the tile itself is a wide Gaussian. The offset that is common to all
    levels (and to all uplink arrivals) is removed at every point. Foy 1976 for the linearisation; soft L1, as that of
    `scipy.optimize.least_squares`, for what is not in line of sight. All sequences are solved together.
    """

    name: str
    measures: tuple[str, ...]
    """Which of `Ranges` are used."""
    level_spread: float = 0.4
    """Standard deviation of log10 of a level's distance."""
    timing_spread: float = 10.0
    """Standard deviation of a time's length [m]."""
    excess: float = 0.0
    """Mean excess of a round trip's length over the distance [m]: reflected paths are longer."""
    inflation: float = 1.0
    """Factor on the standard deviations of the Jacobian."""

    @classmethod
    def fit(cls, name: str, measures: tuple[str, ...], training: TrainingPlaces) -> RangeLeastSquares:
        """Chooses spreads, excess and inflation on training places. Raises InputError without training sequences."""
        chosen = examples(training, FITTED_REPORTS)
        ranges = [ranges_of(one.reports, one.maps) for one in chosen]

        @cache
        def solutions(method: RangeLeastSquares) -> list[Solution]:
            sizes = (one.maps.tile.size for one in chosen)
            return [method.solve(*each) for each in zip(ranges, sizes, strict=True)]

        best = cls(name, measures)
        best = _best([replace(best, level_spread=each) for each in LEVEL_SPREADS], chosen, solutions)
        best = _best([replace(best, timing_spread=each) for each in TIMING_SPREADS], chosen, solutions)
        if "round_trip" in measures:
            best = _best([replace(best, excess=each) for each in EXCESSES], chosen, solutions)
        return best

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior from the last report, the estimate being the solution. Raises PlaceError for an unknown PCI."""
        maps = nominal_maps(place)
        solution = self.solve(ranges_of(reports, maps), maps.tile.size)
        return posterior_of(maps.tile, self.density(solution, maps), solution.position)

    def density(self, solution: Solution, maps: NominalMaps) -> Float[np.ndarray, "sample ground"]:
        """Masses over the flat ground of a Gaussian about each solution, no narrower than a ground cell."""
        floor = np.eye(2) * maps.tile.resolution**2 / 12
        return gaussian_masses(solution.position, self.inflation**2 * solution.covariance + floor, maps)

    def solve(self, ranges: Ranges, size: float) -> Solution:
        """The best point of each sequence inside a tile of side `size` [m]."""
        found = Residuals(self, ranges, size)
        return Solution.better([_solved(found, start, size / 2) for start in found.starts()])


@dataclass(frozen=True)
class Residuals:
    """Weighted residuals of all sequences' ranges at any points, with derivatives: what least squares minimises.

    A measure is linear in the distances (or their logarithms), so that their derivatives go the way of the values:
    arrays have three columns, the value and its derivatives by x and y. What is not stated is 0 in all three.
    """

    method: RangeLeastSquares
    ranges: Ranges
    size: float
    """Side of the tile [m]."""

    def __call__(self, point: Float[np.ndarray, "sample 2"]) -> Float[np.ndarray, "sample residual 3"]:
        """Residuals over their standard deviations, the prior's last."""
        away = point[:, None] - self.ranges.site
        distance = np.sqrt(np.square(away).sum(axis=2) + np.square(self.ranges.height))[..., None]
        with_slope = np.concatenate([distance, away / distance], axis=2)
        parts = [getattr(self, f"_{measure}")(with_slope) for measure in self.method.measures]
        prior = np.concatenate([point[..., None], np.broadcast_to(np.eye(2), (len(point), 2, 2))], axis=2)
        return np.concatenate([*parts, prior / (self.size / 2)], axis=1)

    def starts(self) -> tuple[Float[np.ndarray, "sample 2"], Float[np.ndarray, "sample 2"]]:
        """Where to begin: between the sites, the nearer ones counting more, and next to the serving site."""
        serving = self.ranges.site[self.ranges.serving]
        weight = np.nan_to_num(self.ranges.level**-2.0)
        total = weight.sum(axis=1, keepdims=True)
        between = np.where(total > 0, weight @ self.ranges.site / np.where(total > 0, total, 1), serving)
        inside = 0.49 * self.size
        return (
            np.clip(between + 1.0, -inside, inside),
            np.clip(serving + (20.0, 10.0), -inside, inside),
        )

    def _level(self, distance: Float[np.ndarray, "sample site 3"]) -> Float[np.ndarray, "sample residual 3"]:
        logarithm = distance / (distance[..., :1] * np.log(10))
        logarithm[..., 0] = np.log10(distance[..., 0])
        off, stated = _off(logarithm, np.log10(self.ranges.level))
        spread = self.method.level_spread
        common = off.sum(axis=1, keepdims=True) / (
            stated.sum(axis=1, keepdims=True) + (spread / COMMON_SPREAD) ** 2
        )
        return np.concatenate([stated * (off - common) / spread, common / COMMON_SPREAD], axis=1)

    def _round_trip(
        self, distance: Float[np.ndarray, "sample site 3"]
    ) -> Float[np.ndarray, "sample residual 3"]:
        return _off(distance, self.ranges.round_trip - self.method.excess)[0] / self.method.timing_spread

    def _difference(
        self, distance: Float[np.ndarray, "sample site 3"]
    ) -> Float[np.ndarray, "sample residual 3"]:
        serving = np.take_along_axis(distance, self.ranges.serving[:, None, None], axis=1)
        return _off(distance - serving, self.ranges.difference)[0] / self.method.timing_spread

    def _arrival(
        self, distance: Float[np.ndarray, "sample site 3"]
    ) -> Float[np.ndarray, "sample residual 3"]:
        off, stated = _off(distance, self.ranges.arrival)
        mean = off.sum(axis=1, keepdims=True) / np.maximum(stated.sum(axis=1, keepdims=True), 1)
        return stated * (off - mean) / self.method.timing_spread


def _off(
    expected: Float[np.ndarray, "sample site 3"], stated: Float[np.ndarray, "sample site"]
) -> tuple[Float[np.ndarray, "sample site 3"], Float[np.ndarray, "sample site 1"]]:
    """How far what is expected is from what is stated, 0 where nothing is; and whether something is."""
    there = np.isfinite(stated)
    off = expected * there[..., None]
    off[there, 0] -= stated[there]
    return off, there[..., None].astype(float)


def _solved(residuals: Residuals, point: Float[np.ndarray, "sample 2"], edge: float) -> Solution:
    """Solutions within a square of half side `edge` [m], from where to begin; soft L1 is Σ (√(1 + r²) − 1)."""
    damping, now = np.full(len(point), DAMPING), residuals(point)
    for _ in range(STEPS):
        value, slope = now[..., 0], now[..., 1:]
        # Each step is of the residuals as they are weighted there.
        weighted = slope / np.sqrt(1 + np.square(value))[..., None]
        hessian = slope.transpose(0, 2, 1) @ weighted * (1 + damping[:, None, None] * np.eye(2))
        step = np.linalg.solve(hessian, np.einsum("nr,nrc->nc", value, weighted)[..., None])[..., 0]
        tried = np.clip(point - step, -edge, edge)
        then = residuals(tried)
        better = _cost(then) < _cost(now)
        damping *= np.where(better, 1 / DAMPING_FACTOR, DAMPING_FACTOR)
        point = np.where(better[:, None], tried, point)
        now = np.where(better[:, None, None], then, now)
    return Solution(point, _covariance(now), _cost(now))


def _cost(residuals: Float[np.ndarray, "sample residual 3"]) -> Float[np.ndarray, " sample"]:
    cost: Float[np.ndarray, " sample"] = (np.sqrt(1 + np.square(residuals[..., 0])) - 1).sum(axis=1)
    return cost


def _covariance(residuals: Float[np.ndarray, "sample residual 3"]) -> Float[np.ndarray, "sample 2 2"]:
    """The inverse of the Gauss-Newton Hessian, corrected for the loss as by Triggs et al. 2000 (and scipy) [m²]."""
    slope = residuals[..., 1:]
    # ρ′ + 2 ρ″ r² of ρ(r²) = 2 (√(1 + r²) − 1).
    corrected = slope * ((1 + np.square(residuals[..., :1])) ** -1.5)
    return np.linalg.inv(slope.transpose(0, 2, 1) @ corrected)


def _best(
    candidates: Sequence[RangeLeastSquares],
    chosen: Sequence[Example],
    solutions: Callable[[RangeLeastSquares], list[Solution]],
) -> RangeLeastSquares:
    """The candidate, with the inflation, under which the true positions are likeliest."""

    def scores(method: RangeLeastSquares, number: int) -> Float[np.ndarray, " sample"]:
        one = chosen[number]
        # No inflation enters a solution, so that each is found once.
        of_one = solutions(replace(method, inflation=1.0))[number]
        return one.log_scores_of_masses(method.density(of_one, one.maps))

    inflated = (replace(each, inflation=factor) for each in candidates for factor in INFLATIONS)
    return likeliest(inflated, scores, chosen)
