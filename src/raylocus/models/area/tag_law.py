"""How alike reports of one place are, and reports of different places: a law of pairs, fitted to pairs of tags.

Of a pair count: the squares of level differences, a common difference integrated out; cells that both hear, and cells
that one hears alone. Levels differ by a multivariate Student law whose variance grows with the distance of the pair, as
a variogram does: nugget + rise · (1 − exp(−d / reach)); cells are missed by one of both at odds that grow alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize

from raylocus.network.field.heard import HeardNetwork

#: Deviations of levels of near points, and of what they share [dB]: by their ratio the latter is drawn to 0.
SPREAD, COMMON = 7.0, 6.0
#: A cell heard once counts as a difference of its level to the other's weakest, no more than this [dB].
MOST_OVER = 20.0
#: Degrees of freedom of the law of levels.
FREEDOM = 4.0
#: Pairs that a law is fitted to, at most so far apart, in spacings of sites; and pairs that a tag counts as.
PAIRS, FURTHEST, WORTH = 3000, 2.0, 2.5
#: Deviations of the logarithms of a law's five numbers about those of `PairLaw`: where drawn networks' lie.
DEVIATION = (0.6, 0.6, 0.7, 0.8, 0.6)


@dataclass(frozen=True)
class Pairs:
    """What pairs of reports have in common."""

    square: Float[np.ndarray, "*pair"]
    """Squared level differences, summed over cells [dB²]."""
    both: Int[np.ndarray, "*pair"]
    """Cells that both hear."""
    single: Int[np.ndarray, "*pair"]
    """Cells that one of both hears."""

    def take(self, chosen: Int[np.ndarray, "report chosen"]) -> Pairs:
        """Some of each report's pairs."""
        return Pairs(*(np.take_along_axis(each, chosen, 1) for each in (self.square, self.both, self.single)))


def level_table(heard: HeardNetwork) -> Float[np.ndarray, "report cell"]:
    """Level of each cell in each report [dBm]; NaN where it is not heard."""
    table = np.full((len(heard), len(heard.cells.site)), np.nan)
    table[heard.report, heard.cell] = heard.level
    return table


def pairs_of(reports: Float[np.ndarray, "report cell"], others: Float[np.ndarray, "other cell"]) -> Pairs:
    """Every report with every other, by their levels [dBm]."""
    rows = [_against(levels, others, np.nanmin(others, axis=1)) for levels in reports]
    square, both, single = (np.stack(column) for column in zip(*rows, strict=True))
    return Pairs(square, both, single)


def _against(
    levels: Float[np.ndarray, " cell"],
    others: Float[np.ndarray, "other cell"],
    weakest: Float[np.ndarray, " other"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own, heard = np.isfinite(levels), np.isfinite(others)
    both, alone = own & heard, own ^ heard
    step, count = np.where(both, levels - others, 0.0), both.sum(1)
    squares = (step**2).sum(1) - step.sum(1) ** 2 / (count + (SPREAD / COMMON) ** 2)
    over = np.where(own, levels - weakest[:, None], others - np.nanmin(levels))
    over = np.clip(np.where(alone, over, 0.0), 0, MOST_OVER)
    return squares + (over**2).sum(1), count, alone.sum(1)


@dataclass(frozen=True)
class PairLaw:
    """Of one network; distances in spacings of sites. The defaults are the middle of drawn networks."""

    nugget: float = 80.0
    """Variance of level differences at no distance [dB²]."""
    rise: float = 300.0
    """By how much it is more far away [dB²]."""
    reach: float = 0.13
    """Distance over which it rises."""
    missed_near: float = 0.4
    """Share of cells that one of both misses, at no distance."""
    missed_far: float = 0.85
    """The same far away, if that is more."""

    def likelihood_ratio(
        self, pairs: Pairs, distance: Float[np.ndarray, "*pair"]
    ) -> Float[np.ndarray, "*pair"]:
        """ln of how much likelier a pair is at a distance than far away."""
        return self._log(pairs, distance) - self._log(pairs, np.full_like(distance, np.inf))

    def _log(self, pairs: Pairs, distance: Float[np.ndarray, "*pair"]) -> Float[np.ndarray, "*pair"]:
        risen = 1 - np.exp(-distance / self.reach)
        variance = self.nugget + self.rise * risen
        missed = self.missed_near + max(self.missed_far - self.missed_near, 0.0) * risen
        known = np.maximum(pairs.both + pairs.single - 1, 0)
        levels = (FREEDOM + known) * np.log1p(pairs.square / (FREEDOM * variance)) + known * np.log(variance)
        return pairs.single * np.log(missed) + pairs.both * np.log1p(-missed) - levels / 2

    @classmethod
    def fitted(
        cls, table: Float[np.ndarray, "tag cell"], position: Float[np.ndarray, "tag 2"],
        generator: np.random.Generator,
    ) -> PairLaw:  # fmt: skip
        """The likeliest law of some tags, drawn to the middle of drawn networks: few tags move it little.

        Args:
            table: levels of the tags [dBm], see `level_table`.
            position: where they are, in spacings of sites.
            generator: draws pairs, as many near ones as far ones.
        """
        pairs, distance = _drawn_pairs(table, position, generator)
        start, worth = _numbers(cls()), min(len(distance), WORTH * len(position))

        def cost(numbers: Float[np.ndarray, "5"]) -> float:
            log = _law(numbers)._log(pairs, distance).mean() if len(distance) else 0.0
            return float((((numbers - start) / DEVIATION) ** 2).sum() / 2 - worth * log)

        return _law(minimize(cost, start, method="L-BFGS-B", bounds=[(n - 4, n + 4) for n in start]).x)


def _numbers(law: PairLaw) -> Float[np.ndarray, "5"]:
    odds = [share / (1 - share) for share in (law.missed_near, law.missed_far)]
    return np.log([law.nugget, law.rise, law.reach, *odds])


def _law(numbers: Float[np.ndarray, "5"]) -> PairLaw:
    nugget, rise, reach, *odds = np.exp(numbers).tolist()
    return PairLaw(nugget, rise, reach, *(each / (1 + each) for each in odds))


def _drawn_pairs(
    table: Float[np.ndarray, "tag cell"], position: Float[np.ndarray, "tag 2"], generator: np.random.Generator
) -> tuple[Pairs, Float[np.ndarray, " pair"]]:
    first, second = np.triu_indices(len(position), 1)
    distance = np.hypot(*(position[first] - position[second]).T)
    near = np.flatnonzero(distance < FURTHEST)
    _, octave, count = np.unique(
        np.round(np.log2(distance[near] + 0.01)), return_inverse=True, return_counts=True
    )
    # The least of exponential numbers of these rates: each octave of distance is as likely as any other.
    order = np.argsort(generator.exponential(size=len(near)) * count[octave.reshape(-1)])
    some = np.sort(near[order[:PAIRS]])
    found = [
        pairs_of(table[[tag]], table[second[some][first[some] == tag]]) for tag in np.unique(first[some])
    ]
    columns = [[getattr(each, name)[0] for each in found] for name in ("square", "both", "single")]
    return Pairs(*(np.concatenate(each) if found else np.zeros(0) for each in columns)), distance[some]
