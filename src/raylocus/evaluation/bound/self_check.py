"""How honest the bound is: the coverage of its regions on sequences drawn from its own law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from raylocus.evaluation.bound.bound import Bound
from raylocus.evaluation.evaluation import REGIONS, Evaluation, evaluation_of, truth_of
from raylocus.network.reports.reports import Reports

#: Worlds drawn for the check of one place, and sequences in each: those of one world share its errors.
WORLDS, SEQUENCES = 24, 5
#: Seed of the check; the calibration was fitted on others.
CHECK_SEED = 7


@dataclass(frozen=True)
class SelfCheck:
    """Shares of truths, drawn from the bound's own law, inside its highest-density regions."""

    coverage_50: float
    coverage_90: float
    coverage_95: float
    sequences: int
    nll: float
    """Mean negative log-likelihood [nats], of a density per m²."""

    @classmethod
    def of(cls, evaluation: Evaluation) -> SelfCheck:
        """The check of a method on sequences of its own law."""
        half, most, nearly_all = (evaluation.coverage(mass) for mass in REGIONS)
        nll = float(evaluation.negative_log_likelihood.mean())
        return cls(half, most, nearly_all, len(evaluation), nll)

    @classmethod
    def pooled(cls, checks: Sequence[SelfCheck]) -> SelfCheck:
        """Several checks as one, each sequence counting once."""
        count = np.array([each.sequences for each in checks])
        means = {
            name: float(np.average([getattr(each, name) for each in checks], weights=count))
            for name in ("coverage_50", "coverage_90", "coverage_95", "nll")
        }
        return cls(**means, sequences=int(count.sum()))

    def sentence(self, where: str) -> str:
        """One line for below a table; `where` names the place, or the worlds, that it was made in."""
        return (
            f"The bound's own 50, 90 and 95 % regions hold {self.coverage_50:.0%}, {self.coverage_90:.0%} and "
            f"{self.coverage_95:.0%} of {self.sequences} sequences drawn from its own law in {where}."
        )


def self_check(bound: Bound, worlds: int = WORLDS, sequences: int = SEQUENCES) -> SelfCheck:
    """Draws worlds, ways and reports from the bound's own law in its place, and scores the bound on them.

    Where the map errs, worlds are shared out to the places of the law, and each is taken out of the bound's ensemble.
    """
    generator, each = np.random.default_rng([CHECK_SEED, 1]), -(-worlds // len(bound.known.places))
    parts = []
    for truth, known in bound.known.held_out():
        reports = Reports.concatenate([one for _, one in truth.draw(each, sequences, generator)])
        own = bound if known is bound.known else replace(bound, known=known)
        posterior = own.locate(reports, known.place)
        parts.append(evaluation_of(bound.name, posterior, truth_of(reports, known.place), 0.0))
    return SelfCheck.of(Evaluation.concatenate(parts))
