"""How alike reports of one place are, and reports of different places: a law of pairs, fitted to pairs of tags.

Of a pair count: the squares of level differences, a common difference integrated out; cells that both hear, and cells
that one hears alone, faintly or plainly. Levels differ by a multivariate Student law whose variance grows with the
distance of the pair, as a variogram does: nugget + rise · (1 − exp(−d / reach)); the shares of cells that one of both
misses go alike from those near to those far away.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize

from raylocus.network.field.heard import HeardNetwork

#: Deviations of levels of near points, and of what they share [dB]: by their ratio the latter is drawn to 0.
SPREAD, COMMON = 7.0, 6.0
#: A cell that one hears so far over the other's weakest would be heard by the other as well, were it near [dB].
PLAIN = 8.0
#: Degrees of freedom of the law of levels.
FREEDOM = 4.0
#: Pairs that a law is fitted to, at most so far apart, in spacings of sites; and pairs that a tag counts as.
PAIRS, FURTHEST, WORTH = 3000, 2.0, 2.5
#: Deviations of a law's logarithms and log odds about those of `PairLaw`: where drawn networks' lie.
DEVIATION = (1.0, 1.0, 1.0, 0.8, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Pairs:
    """What pairs of reports have in common."""

    square: Float[np.ndarray, "*pair"]
    """Squared level differences, summed over cells [dB²]."""
    both: Int[np.ndarray, "*pair"]
    """Cells that both hear."""
    faint: Int[np.ndarray, "*pair"]
    """Cells that one of both hears, not far over the other's weakest."""
    plain: Int[np.ndarray, "*pair"]
    """Cells that one of both hears so strong that the other should."""


def level_table(heard: HeardNetwork) -> Float[np.ndarray, "report cell"]:
    """Level of each cell in each report [dBm]; NaN where it is not heard."""
    table = np.full((len(heard), len(heard.cells.site)), np.nan)
    table[heard.report, heard.cell] = heard.level
    return table


def pairs_of(reports: Float[np.ndarray, "report cell"], others: Float[np.ndarray, "other cell"]) -> Pairs:
    """Every report with every other, by their levels [dBm]."""
    rows = [compared(np.broadcast_to(levels, others.shape), others) for levels in reports]
    return Pairs(*(np.stack([getattr(row, name) for row in rows]) for name in Pairs.__dataclass_fields__))


def compared(levels: Float[np.ndarray, "pair cell"], others: Float[np.ndarray, "pair cell"]) -> Pairs:
    """Reports with one other each, by their levels [dBm]."""
    own, heard = np.isfinite(levels), np.isfinite(others)
    both, alone = own & heard, own ^ heard
    step, count = np.where(both, levels - others, 0.0), both.sum(1)
    squares = (step**2).sum(1) - step.sum(1) ** 2 / (count + (SPREAD / COMMON) ** 2)
    weakest = (np.nanmin(each, axis=1, keepdims=True) for each in (others, levels))
    plain = alone & (np.where(own, levels, others) - np.where(own, *weakest) > PLAIN)
    return Pairs(squares, count, (alone & ~plain).sum(1), plain.sum(1))


@dataclass(frozen=True)
class PairLaw:
    """Of one network; distances in spacings of sites. The defaults are the middle of drawn networks."""

    nugget: float = 50.0
    """Variance of level differences at no distance [dB²]."""
    rise: float = 350.0
    """By how much it is more far away [dB²]."""
    reach: float = 0.2
    """Distance over which it rises."""
    faint_near: float = 0.6
    """Cells that one of both hears faintly, to one that both hear, at no distance."""
    plain_near: float = 0.3
    """The same of those that one hears plainly."""
    faint_far: float = 4.0
    """The same far away."""
    plain_far: float = 2.7

    def likelihood_ratio(
        self, pairs: Pairs, distance: Float[np.ndarray, "*pair"]
    ) -> Float[np.ndarray, "*pair"]:
        """ln of how much likelier a pair is at a distance than far away."""
        return self._log(pairs, distance) - self._log(pairs, np.full_like(distance, np.inf))

    def _log(self, pairs: Pairs, distance: Float[np.ndarray, "*pair"]) -> Float[np.ndarray, "*pair"]:
        risen = 1 - np.exp(-distance / self.reach)
        variance = self.nugget + self.rise * risen
        faint, plain = (
            near + (far - near) * risen
            for near, far in ((self.faint_near, self.faint_far), (self.plain_near, self.plain_far))
        )
        known = np.maximum(pairs.both - 1, 0)
        levels = (FREEDOM + known) * np.log1p(pairs.square / (FREEDOM * variance)) + known * np.log(variance)
        heard = pairs.faint * np.log(faint) + pairs.plain * np.log(plain)
        return heard - (pairs.both + pairs.faint + pairs.plain) * np.log1p(faint + plain) - levels / 2

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
        start, worth = np.log(astuple(cls())), min(len(distance), WORTH * len(position))
        if not len(distance):
            return cls()

        def cost(numbers: Float[np.ndarray, " number"]) -> float:
            log = cls(*np.exp(numbers).tolist())._log(pairs, distance).mean()
            return float((((numbers - start) / DEVIATION) ** 2).sum() / 2 - worth * log)

        found = minimize(
            cost, start, method="L-BFGS-B", bounds=[(number - 4, number + 4) for number in start]
        )
        return cls(*np.exp(found.x).tolist())


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
    order = np.argsort(generator.exponential(size=len(near)) * count[octave.reshape(-1)], kind="stable")
    some = near[order[:PAIRS]]
    return compared(table[first[some]], table[second[some]]), distance[some]
