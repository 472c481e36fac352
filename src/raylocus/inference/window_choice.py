"""Which windows of an area are looked at: those that hold most of each report's mass, few of them for many reports.

A window costs as much to open as it takes to look at it for dozens of phones. Of those that hold nearly as much of a
report as its fullest the one is taken that most of the reports looked at together can share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.models.area.ground_masses import GroundMasses

#: Windows that are looked at for a report, and the mass below which none is.
WINDOWS, LEAST_MASS = 3, 0.1
#: A window that holds this share of what the fullest holds is as good.
AS_FULL = 0.9
#: Windows lie in steps of this part of their side, so that reports share them.
STEPS = 2

#: The south-western corner of a window, in steps.
Corner = tuple[int, int]


@dataclass(frozen=True)
class SteppedMass:
    """The mass of a report in squares of a step's side, with a margin of a window around; looked at is 0."""

    lowest: Int[np.ndarray, "2"]
    """Index of the first square."""
    mass: Float[np.ndarray, "x y"]

    @classmethod
    def of(cls, ground: GroundMasses, index: int, step: float) -> SteppedMass:
        """That of one report, in steps [m]."""
        at = np.floor((ground.masses.centre[index].numpy() + ground.origin[index]) / step).astype(np.int64)
        lowest = at.min(axis=0) - STEPS
        mass = np.zeros(np.ptp(at, axis=0) + 1 + 2 * STEPS)
        np.add.at(mass, tuple((at - lowest).T), ground.masses.mass[index].numpy().astype(float))
        return cls(lowest, mass)

    def options(self) -> dict[Corner, float]:
        """The mass of each window that is as good as the fullest; none where that holds next to nothing."""
        held = np.lib.stride_tricks.sliding_window_view(self.mass, (STEPS, STEPS)).sum((2, 3))
        if held.max() < LEAST_MASS:
            return {}
        good = np.argwhere(held >= AS_FULL * held.max())
        return {
            (int(x), int(y)): float(held[x - self.lowest[0], y - self.lowest[1]])
            for x, y in good + self.lowest
        }

    def take(self, corner: Corner) -> None:
        """What a window holds is looked at."""
        here = np.array(corner) - self.lowest
        self.mass[tuple(slice(start, start + STEPS) for start in here.tolist())] = 0


def chosen_windows(
    grounds: Mapping[int, tuple[GroundMasses, int]], side: float
) -> dict[int, list[tuple[float, float]]]:
    """Centres of up to `WINDOWS` windows for each sequence, the fullest first.

    Args:
        grounds: the posteriors of sequences that are looked at together, each among others, and which it is.
        side: of a window [m].
    """
    left = {sequence: SteppedMass.of(*each, side / STEPS) for sequence, each in grounds.items()}
    found: dict[int, list[Corner]] = {sequence: [] for sequence in left}
    opened: set[Corner] = set()
    for _ in range(WINDOWS):
        options = {sequence: mass.options() for sequence, mass in left.items()}
        for sequence, corner in _shared(options, opened).items():
            left[sequence].take(corner)
            found[sequence].append(corner)
            opened.add(corner)
    return {sequence: [_centre(corner, side) for corner in corners] for sequence, corners in found.items()}


def _shared(options: Mapping[int, Mapping[Corner, float]], opened: set[Corner]) -> dict[int, Corner]:
    """One of the options of each sequence that has any: one that is opened already, else of the most votes."""
    waiting = {sequence: each for sequence, each in options.items() if each}
    chosen: dict[int, Corner] = {}
    while waiting:
        votes: Counter[Corner] = Counter()
        mass: Counter[Corner] = Counter()
        for each in waiting.values():
            votes.update(each.keys())
            mass.update(each)
        best = max(votes, key=lambda corner: (corner in opened, votes[corner], mass[corner], corner))
        taken = [sequence for sequence, each in waiting.items() if best in each]
        chosen |= dict.fromkeys(taken, best)
        waiting = {sequence: each for sequence, each in waiting.items() if sequence not in chosen}
    return chosen


def _centre(corner: Sequence[int], side: float) -> tuple[float, float]:
    x, y = (start * side / STEPS + side / 2 for start in corner)
    return x, y
