"""Multilateration and time differences of arrival by robust least squares on ranges, without a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

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
FITTED_REPORTS = 40
#: Common error of all levels of a report, as log10 of a distance: 12 dB at 35.3 dB a decade.
COMMON_SPREAD = 0.34
#: Number of steps, at most, of one solution.
STEPS = 30


@dataclass(frozen=True)
class Solution:
    """Least squares' answers: estimates and what their Jacobians say of them."""

    position: Float[np.ndarray, "sample 2"]
    """[m]."""
    covariance: Float[np.ndarray, "sample 2 2"]
    """(JᵀJ)⁻¹ of the weighted residuals, the prior of the tile included [m²]."""


@dataclass(frozen=True)
class RangeLeastSquares:
    """The point whose distances to the sites fit the last report's ranges best (soft L1), with a Gaussian about it.

    Each range is a residual over its spread; the tile itself is a wide Gaussian. The offset that is common to all
    levels (and to all uplink arrivals) is removed at every point. Foy 1976 for the linearisation; soft L1 of
    `scipy.optimize.least_squares` for what is not in line of sight.
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
        found = [_solved(Residuals(self, ranges, row, size)) for row in range(len(ranges))]
        position = np.array([one for one, _ in found]).reshape(-1, 2)
        covariance = np.array([one for _, one in found]).reshape(-1, 2, 2)
        return Solution(position, covariance)


@dataclass(frozen=True)
class Residuals:
    """Weighted residuals of one sequence's ranges at any point: what least squares minimises."""

    method: RangeLeastSquares
    ranges: Ranges
    row: int
    size: float
    """Side of the tile [m]."""

    def __call__(self, point: Float[np.ndarray, "2"]) -> Float[np.ndarray, " residual"]:
        """Residuals over their standard deviations, the prior's last."""
        away = np.hypot(*(self.ranges.site - point).T)
        distance = np.hypot(away, self.ranges.height)
        parts = [getattr(self, f"_{measure}")(distance) for measure in self.method.measures]
        return np.concatenate([*parts, point / (self.size / 2)])

    def starts(self) -> Float[np.ndarray, "start 2"]:
        """Where to begin: between the sites, the nearer ones counting more, and next to the serving site."""
        serving = self.ranges.site[self.ranges.serving[self.row]]
        weight = np.nan_to_num(self.ranges.level[self.row] ** -2.0)
        between = weight @ self.ranges.site / weight.sum() if weight.any() else serving
        inside = 0.49 * self.size
        return np.clip([between + 1.0, serving + (20.0, 10.0)], -inside, inside)

    def _level(self, distance: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
        spread = self.method.level_spread
        off = _stated(np.log10(distance) - np.log10(self.ranges.level[self.row]))
        common = off.sum() / (len(off) + (spread / COMMON_SPREAD) ** 2)
        return np.append((off - common) / spread, common / COMMON_SPREAD)

    def _round_trip(self, distance: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
        return self._timed(distance + self.method.excess - self.ranges.round_trip[self.row])

    def _difference(self, distance: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
        farther = distance - distance[self.ranges.serving[self.row]]
        return self._timed(farther - self.ranges.difference[self.row])

    def _arrival(self, distance: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
        off = _stated(distance - self.ranges.arrival[self.row])
        return self._timed(off - off.mean() if len(off) else off)

    def _timed(self, off: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
        return _stated(off) / self.method.timing_spread


def _stated(off: Float[np.ndarray, " site"]) -> Float[np.ndarray, " residual"]:
    return off[np.isfinite(off)]


def _solved(residuals: Residuals) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2 2"]]:
    """The solution from the better start, and its covariance [m²]."""
    edge = residuals.size / 2
    start = min(residuals.starts(), key=lambda each: float(np.abs(residuals(each)).sum()))
    best = least_squares(residuals, start, bounds=(-edge, edge), loss="soft_l1", max_nfev=STEPS)
    # Of a robust loss scipy's Jacobian is scaled so that JᵀJ is the cost's Gauss-Newton Hessian.
    return best.x, np.linalg.inv(best.jac.T @ best.jac)


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
