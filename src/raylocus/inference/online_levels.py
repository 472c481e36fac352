"""What a stream says of the levels of cells: a Kalman filter that forgets, with robust weights and bounds.

The error of a cell's level is what all cells share plus its own; both wander about 0 as an Ornstein–Uhlenbeck process
whose spread is the law's, so that what is no longer measured is forgotten. A level counts by Geman and McClure's weight
of its innovation: the further off, the less it moves. What all levels of one report have in common is a third unknown,
a fresh one of every report.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Spread of what all levels of one report have in common: device, hand, car [dB].
REPORT_DEVIATION = 6.0
#: Spread of one level about map or formula that a cell begins with, and the bounds of what it is found to be [dB].
NOISE, NOISE_BOUNDS = 11.0, (4.0, 20.0)
#: Squared innovation, in its variance, that halves the root of a weight.
HALF_WEIGHT = 4.0
#: How fast the spread of a cell follows its innovations, those beyond so many spreads being cut, and the mean of a
#: standard normal's square that is cut so (Huber 1964, proposal 2): a share of wild reports must not widen it.
NOISE_RATE, NOISE_CUT, CUT_SQUARE = 0.03, 1.5, 0.7785
#: Reports after which what was learned of a cell, and of all cells, is forgotten to 1/e.
CELL_MEMORY, COMMON_MEMORY = 500.0, 5000.0
#: Levels are corrected by no more than so many spreads of their law.
MOST_SPREADS = 3.0
#: Index of what a report's levels share, of what all cells share, and of the first cell's own.
REPORT, COMMON, OWN = 0, 1, 2


@dataclass(frozen=True)
class LevelLaw:
    """How far levels are off before anything was measured [dB], by `scenes.world.WorldLaw` at severity 1."""

    common: float = 16.0
    """Standard deviation of what all cells share."""
    own: float = 5.0
    """Standard deviation of each cell's own."""


@dataclass(frozen=True)
class LevelEntry:
    """One report that is learned from."""

    cell: Int[np.ndarray, " level"]
    """Cells that it heard, each once."""
    residual: Float[np.ndarray, " level"]
    """What each was measured above the expected level [dB]."""
    spread: Float[np.ndarray, " level"]
    """Standard deviation of the expected level where the position is not sure [dB]."""
    position: Float[np.ndarray, "2"]
    """Where it was made [m]."""
    crowded: float = 1.0
    """Factor on the variance of its levels: near reports share their errors, and own fixes count less."""


@dataclass(frozen=True)
class LevelState:
    """The errors of the levels of those cells that were heard."""

    law: LevelLaw
    cell: Int[np.ndarray, " known"]
    """Cells in the order in which they were first heard."""
    mean: Float[np.ndarray, " state"]
    """What the last report shared, what all cells share, each cell's own [dB]."""
    covariance: Float[np.ndarray, "state state"]
    """Of the same [dB²]."""
    noise: Float[np.ndarray, " known"]
    """Spread of each cell's levels about what is expected [dB]."""

    @classmethod
    def start(cls, law: LevelLaw) -> LevelState:
        """Nothing measured."""
        nothing = np.zeros(0, np.int64)
        return cls(law, nothing, np.zeros(OWN), np.diag([0.0, law.common**2]), nothing.astype(float))

    def corrections(self, cells: int) -> Float[np.ndarray, " cell"]:
        """What is to be taken off the levels of each cell of a deployment [dB]."""
        found = np.full(cells, self.mean[COMMON])
        found[self.cell] += self.mean[OWN:]
        return found

    def learned(self, entry: LevelEntry) -> LevelState:
        """The state after one more report."""
        state = self._forgotten()._covering(entry.cell)
        mean, covariance, noise = state.mean.copy(), state.covariance.copy(), state.noise.copy()
        order = np.argsort(state.cell, kind="stable")
        known = order[np.searchsorted(state.cell, entry.cell, sorter=order)]
        for index, residual, spread in zip(known.tolist(), entry.residual, entry.spread, strict=True):
            seen = [REPORT, COMMON, OWN + index]
            innovation = residual - mean[seen].sum()
            column = covariance[:, seen].sum(1)
            own = (noise[index] ** 2 + spread**2) * entry.crowded
            square = innovation**2 / (column[seen].sum() + own)
            weight = (1 + square / HALF_WEIGHT) ** -2
            gain = column / (column[seen].sum() + own / weight)
            mean += gain * innovation
            covariance -= np.outer(gain, column)
            noise[index] = _followed(noise[index], innovation, column[seen].sum() + spread**2, entry.crowded)
        return state._bounded(mean, covariance, noise)

    def _forgotten(self) -> LevelState:
        """One report later: drawn towards the law, and what the last report shared is gone."""
        kept = np.exp(-1 / np.array([1.0, COMMON_MEMORY, *np.full(len(self.cell), CELL_MEMORY)]))
        kept[REPORT] = 0.0
        law = np.array([REPORT_DEVIATION, self.law.common, *np.full(len(self.cell), self.law.own)])
        covariance = self.covariance * np.outer(kept, kept) + np.diag((1 - kept**2) * law**2)
        return dataclasses.replace(self, mean=self.mean * kept, covariance=covariance)

    def _covering(self, cells: Int[np.ndarray, " level"]) -> LevelState:
        """With the cells that were not heard before."""
        new = cells[~np.isin(cells, self.cell)]
        size = len(self.mean)
        covariance = np.diag(np.full(size + len(new), self.law.own**2))
        covariance[:size, :size] = self.covariance
        return LevelState(
            self.law, np.append(self.cell, new), np.append(self.mean, np.zeros(len(new))), covariance,
            np.append(self.noise, np.full(len(new), NOISE)),
        )  # fmt: skip

    def _bounded(
        self, mean: Float[np.ndarray, " state"], covariance: Float[np.ndarray, "state state"],
        noise: Float[np.ndarray, " known"],
    ) -> LevelState:  # fmt: skip
        most = MOST_SPREADS * np.array([np.inf, self.law.common, *np.full(len(noise), self.law.own)])
        symmetric = (covariance + covariance.T) / 2
        return dataclasses.replace(self, mean=mean.clip(-most, most), covariance=symmetric, noise=noise)


def _followed(noise: float, innovation: float, known: float, crowded: float) -> float:
    """A cell's spread after one more innovation, of which a part is of known variance."""
    found = min(max(innovation**2 - known, 0.0), (NOISE_CUT * noise) ** 2) / CUT_SQUARE
    rate = NOISE_RATE / crowded
    return float(np.clip(np.sqrt((1 - rate) * noise**2 + rate * found), *NOISE_BOUNDS))
