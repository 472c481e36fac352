"""What a stream says of the offsets of cells or sites: a Kalman filter that forgets, with robust weights and bounds.

The offset of a level [dB] or of a clock [m] is what all share plus its own; both wander about 0 as an
Ornstein–Uhlenbeck process whose spread is the law's, so that what is no longer measured is forgotten. A measurement
counts by Geman and McClure's weight of its innovation: the further off, the less it moves. What all of one report have
in common is a third unknown, a fresh one of every report.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Squared innovation, in its variance, that halves the root of a weight.
HALF_WEIGHT = 4.0
#: How fast the spread of one follows its innovations, those beyond so many spreads being cut, and the mean of a
#: standard normal's square that is cut so (Huber 1964, proposal 2): a share of wild reports must not widen it.
NOISE_RATE, NOISE_CUT, CUT_SQUARE = 0.03, 1.5, 0.7785
#: Reports after which what was learned of one, and of what all share, is forgotten to 1/e.
OWN_MEMORY, COMMON_MEMORY = 500.0, 5000.0
#: Nothing is corrected by more than so many spreads of its law.
MOST_SPREADS = 3.0
#: Index of what a report shares, of what all share, and of the first one's own.
REPORT, COMMON, OWN = 0, 1, 2


@dataclass(frozen=True)
class OffsetLaw:
    """How far levels [dB] or clocks [m] are off before anything was measured."""

    common: float
    """Standard deviation of what all share."""
    own: float
    """Standard deviation of each one's own."""
    report: float
    """Standard deviation of what all of one report have in common: device, hand, car, the receiver's clock."""
    noise: float
    """Spread of one measurement that each begins with."""
    bounds: tuple[float, float]
    """Of what that spread is found to be."""


#: Levels about a map, by `scenes.world.WorldLaw` at severity 1.
MAP_LEVELS = OffsetLaw(common=16.0, own=5.0, report=6.0, noise=11.0, bounds=(4.0, 20.0))
#: Levels about a formula of the distance: directions are the antennas' matter.
FORMULA_LEVELS = dataclasses.replace(MAP_LEVELS, own=9.0)
#: Clocks of sites that are meant to be one: 50 ns (TR 38.855), about the middle one of a report.
SITE_CLOCKS = OffsetLaw(common=0.0, own=15.0, report=15.0, noise=15.0, bounds=(2.0, 60.0))


@dataclass(frozen=True)
class OffsetEntry:
    """What one report says of some cells or sites."""

    index: Int[np.ndarray, " measured"]
    """Of each, which comes once."""
    residual: Float[np.ndarray, " measured"]
    """What each was measured above what is expected."""
    spread: Float[np.ndarray, " measured"]
    """Standard deviation of what is expected, where the position is not sure."""


@dataclass(frozen=True)
class OffsetState:
    """The offsets of those that were measured."""

    law: OffsetLaw
    known: Int[np.ndarray, " known"]
    """In the order in which they were first measured."""
    mean: Float[np.ndarray, " state"]
    """What the last report shared, what all share, each one's own."""
    covariance: Float[np.ndarray, "state state"]
    """Of the same."""
    noise: Float[np.ndarray, " known"]
    """Spread of each one's measurements about what is expected."""

    @classmethod
    def start(cls, law: OffsetLaw) -> OffsetState:
        """Nothing measured."""
        nothing = np.zeros(0, np.int64)
        return cls(law, nothing, np.zeros(OWN), np.diag([0.0, law.common**2]), nothing.astype(float))

    def corrections(self, count: int) -> Float[np.ndarray, " every"]:
        """What is to be taken off the measurements of each of so many."""
        found = np.full(count, self.mean[COMMON])
        found[self.known] += self.mean[OWN:]
        return found

    def learned(self, entry: OffsetEntry, crowded: float = 1.0) -> OffsetState:
        """The state after one more report.

        Args:
            entry: what it says.
            crowded: factor on the variance of its measurements: near reports share errors, and own fixes count less.
        """
        state = self._forgotten()._covering(entry.index)
        mean, covariance, noise = state.mean.copy(), state.covariance.copy(), state.noise.copy()
        order = np.argsort(state.known, kind="stable")
        known = order[np.searchsorted(state.known, entry.index, sorter=order)]
        for index, residual, spread in zip(known.tolist(), entry.residual, entry.spread, strict=True):
            seen = [REPORT, COMMON, OWN + index]
            innovation = residual - mean[seen].sum()
            column = covariance[:, seen].sum(1)
            own = (noise[index] ** 2 + spread**2) * crowded
            square = innovation**2 / (column[seen].sum() + own)
            weight = (1 + square / HALF_WEIGHT) ** -2
            gain = column / (column[seen].sum() + own / weight)
            mean += gain * innovation
            covariance -= np.outer(gain, column)
            noise[index] = _followed(
                noise[index], innovation, column[seen].sum() + spread**2, crowded, self.law.bounds
            )
        return state._bounded(mean, covariance, noise)

    def _forgotten(self) -> OffsetState:
        """One report later: drawn towards the law, and what the last report shared is gone."""
        kept = np.exp(-1 / np.array([1.0, COMMON_MEMORY, *np.full(len(self.known), OWN_MEMORY)]))
        kept[REPORT] = 0.0
        law = np.array([self.law.report, self.law.common, *np.full(len(self.known), self.law.own)])
        covariance = self.covariance * np.outer(kept, kept) + np.diag((1 - kept**2) * law**2)
        return dataclasses.replace(self, mean=self.mean * kept, covariance=covariance)

    def _covering(self, measured: Int[np.ndarray, " measured"]) -> OffsetState:
        """With those that were not measured before."""
        new = measured[~np.isin(measured, self.known)]
        size = len(self.mean)
        covariance = np.diag(np.full(size + len(new), self.law.own**2))
        covariance[:size, :size] = self.covariance
        return OffsetState(
            self.law, np.append(self.known, new), np.append(self.mean, np.zeros(len(new))), covariance,
            np.append(self.noise, np.full(len(new), self.law.noise)),
        )  # fmt: skip

    def _bounded(
        self, mean: Float[np.ndarray, " state"], covariance: Float[np.ndarray, "state state"],
        noise: Float[np.ndarray, " known"],
    ) -> OffsetState:  # fmt: skip
        most = MOST_SPREADS * np.array([np.inf, self.law.common, *np.full(len(noise), self.law.own)])
        symmetric = (covariance + covariance.T) / 2
        return dataclasses.replace(self, mean=mean.clip(-most, most), covariance=symmetric, noise=noise)


def _followed(
    noise: float, innovation: float, known: float, crowded: float, bounds: tuple[float, float]
) -> float:
    """A spread after one more innovation, of which a part is of known variance."""
    found = min(max(innovation**2 - known, 0.0), (NOISE_CUT * noise) ** 2) / CUT_SQUARE
    rate = NOISE_RATE / crowded
    return float(np.clip(np.sqrt((1 - rate) * noise**2 + rate * found), *bounds))
