"""`Evaluation`: what one method did on one set of sequences, and the numbers drawn from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.evaluation import metrics
from raylocus.models.posterior import Posterior


@dataclass(frozen=True)
class Truth:
    """What is true of each sequence's last report."""

    position: Float[np.ndarray, "sample 2"]
    """True position [m]."""
    heard_cells: Int[np.ndarray, " sample"]
    """Cells with an RSRP in the last report."""
    line_of_sight: Float[np.ndarray, " sample"]
    """1 where the serving site is in line of sight, 0 where not, NaN where unknown."""

    def select(self, members: Bool[np.ndarray, " sample"]) -> Truth:
        """That of some sequences."""
        return Truth(*(getattr(self, field.name)[members] for field in dataclasses.fields(self)))

    @classmethod
    def concatenate(cls, parts: Sequence[Truth]) -> Truth:
        """The sequences of all parts, one after the other."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


#: Arrays of an `Evaluation` with one row a sequence.
ROWS = ("error", "negative_log_likelihood", "denser", "tied")


@dataclass(frozen=True)
class Evaluation:
    """Per-sequence results of one method."""

    name: str
    truth: Truth
    error: Float[np.ndarray, " sample"]
    """Horizontal error [m]."""
    negative_log_likelihood: Float[np.ndarray, " sample"]
    """[nats], of a density per m²."""
    denser: Float[np.ndarray, " sample"]
    """Mass denser than the truth's cell, see `metrics.region_ranks`."""
    tied: Float[np.ndarray, " sample"]
    """Mass as dense as the truth's cell."""
    seconds: float
    """Processor time of locating all sequences [s], of all threads, the place's preparation included."""

    def __len__(self) -> int:
        return len(self.error)

    def select(self, members: Bool[np.ndarray, " sample"]) -> Evaluation:
        """That of some sequences, with their share of the time."""
        rows = {name: getattr(self, name)[members] for name in ROWS}
        seconds = self.seconds * float(members.mean()) if len(members) else 0.0
        return dataclasses.replace(self, truth=self.truth.select(members), seconds=seconds, **rows)

    @classmethod
    def concatenate(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """One method on the sequences of all parts, one after the other."""
        rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS}
        truth, seconds = (
            Truth.concatenate([part.truth for part in parts]),
            sum(part.seconds for part in parts),
        )
        return cls(name=parts[0].name, truth=truth, seconds=seconds, **rows)

    def percentile(self, percent: float) -> float:
        """A percentile of the horizontal error [m]."""
        return float(np.percentile(self.error, percent))

    def coverage(self, mass: float) -> float:
        """Share of truths inside the highest-density region of that mass."""
        return metrics.coverage(self.denser, self.tied, mass)

    def summary(self, bound: Evaluation | None = None) -> dict[str, float | None]:
        """The numbers of metrics.json; `error_over_bound` is None where no bound was computed."""
        numbers: dict[str, float | None] = {f"p{p}": self.percentile(float(p)) for p in metrics.PERCENTILES}
        numbers["mean"] = float(self.error.mean())
        numbers |= {f"coverage_{round(100 * mass)}": self.coverage(mass) for mass in metrics.REGIONS}
        numbers["nll"] = float(self.negative_log_likelihood.mean())
        numbers["error_over_bound"] = (
            None if bound is None else self.percentile(50.0) / bound.percentile(50.0)
        )
        return numbers


def evaluation_of(name: str, posterior: Posterior, truth: Truth, seconds: float) -> Evaluation:
    """Scores a posterior against the truth.

    Raises:
        InputError: a truth lies outside the tile.
    """
    denser, tied = metrics.region_ranks(posterior, truth.position)
    return Evaluation(
        name=name,
        truth=truth,
        error=metrics.horizontal_errors(posterior.mean, truth.position),
        negative_log_likelihood=metrics.negative_log_likelihood(posterior, truth.position),
        denser=denser,
        tied=tied,
        seconds=seconds,
    )
