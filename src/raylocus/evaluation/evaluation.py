"""`Evaluation`: what one method did on one set of sequences, and the numbers drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

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
    """Wall time of locating all sequences [s]."""

    def __len__(self) -> int:
        return len(self.error)

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
