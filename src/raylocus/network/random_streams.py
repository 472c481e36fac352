"""Random numbers of observation, addressed by report: those of a UE do not depend on how it is batched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from raylocus.network.rrc.events import reports_by_step

#: Numbers that the generator makes at each value of its counter.
NUMBERS_PER_COUNT = 4


@dataclass(frozen=True)
class ReportStreams:
    """Random numbers of some reports by a counter-based generator (Philox, Salmon et al. 2011).

    The first axis of every draw is `report`. Each draw has a key of its own (seed, layer and number of the
    draw), under which every report of the trajectories has a place of its own: batches, and reports that are
    never sent, change nothing, and a layer draws the same whichever other layers do.
    """

    seed: int
    reports: Int[np.ndarray, " report"]
    """Number of each report among all of the trajectories, ascending."""
    layer: str = ""
    _drawn: list[int] = field(default_factory=lambda: [0])

    def of(self, layer: str) -> ReportStreams:
        """The numbers of a layer, from their beginning."""
        return ReportStreams(self.seed, self.reports, f"{self.layer} {layer}".strip())

    def select(self, kept: Int[np.ndarray, " kept"]) -> ReportStreams:
        """The same numbers, going on with some of the reports."""
        return ReportStreams(self.seed, self.reports[kept], self.layer, self._drawn)

    def standard_normal(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Standard normal numbers; the first axis is `report`."""
        # By the inverse of their distribution, for which each needs one uniform number; none is exactly 0.
        normal: Float[np.ndarray, "..."] = ndtri(self.random(size) + 2.0**-54)
        return normal

    def random(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Numbers uniform over [0, 1); the first axis is `report`."""
        self._drawn[0] += 1
        if not len(self.reports):
            return np.zeros(size)
        width, first = int(np.prod(size[1:])), int(self.reports[0])
        name = hashlib.sha256(f"{self.seed} {self.layer} {self._drawn[0]}".encode()).digest()
        count, skipped = divmod(first * width, NUMBERS_PER_COUNT)
        philox = np.random.Philox(counter=count, key=int.from_bytes(name[:16], "little"))
        needed = (int(self.reports[-1]) + 1 - first) * width
        numbers = np.random.Generator(philox).random(skipped + needed)[skipped:].reshape(-1, *size[1:])
        return numbers if len(numbers) == len(self.reports) else numbers[self.reports - first]


#: What measurement functions draw from.
RandomSource = np.random.Generator | ReportStreams


def complex_normal(shape: tuple[int, ...], random: RandomSource) -> np.ndarray:
    """Circular complex normal numbers of unit power."""
    parts = random.standard_normal((*shape, 2))
    return (parts[..., 0] + 1j * parts[..., 1]) / np.sqrt(2)


def correlated_normal(
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    correlation_time: float,
    random: RandomSource,
) -> Float[np.ndarray, " report"]:
    """Standard normal numbers that a sequence remembers: correlation exp(−Δt/T) (a Gauss–Markov process).

    Times in s; each sequence starts its own stream.
    """
    value = np.array(random.standard_normal((len(time),)))
    for now in reports_by_step(report_offsets):
        kept = np.exp(-(time[now] - time[now - 1]) / correlation_time)
        value[now] = kept * value[now - 1] + np.sqrt(1 - kept**2) * value[now]
    return value
