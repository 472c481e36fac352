"""An ablation's table: each variant at each severity, with intervals over seeds and worlds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from rich.box import SIMPLE_HEAD
from rich.table import Table

from raylocus.evaluation.breakdown import RESAMPLES, SEED, Quoted, printed, weighted_percentile, with_interval
from raylocus.evaluation.evaluation import Evaluation
from raylocus.evaluation.place_scores import PlaceScores

#: Wide enough for every column.
TABLE_WIDTH = 150


@dataclass(frozen=True)
class Trial:
    """One variant with one seed in one place."""

    variant: str
    seed: int
    scores: PlaceScores


@dataclass(frozen=True)
class Line:
    """One variant at one severity, over all seeds and places."""

    variant: str
    severity: float
    seeds: int
    sequences: int
    """Counted once, whatever the number of seeds."""
    p50: Quoted
    """[m]."""
    p90: Quoted
    """[m]."""
    nll: float
    """Mean negative log-likelihood [nats per m²]."""
    coverage_90: float
    """Share of truths inside the 90 % region."""
    change: Quoted | None
    """Of p50 against the first variant [%]; the same worlds are drawn for both. None for the first itself."""


def lines_of(trials: Sequence[Trial]) -> list[Line]:
    """The table's lines, by severity and then in the order of the variants."""
    severities = np.unique(np.concatenate([one.scores.circumstances.severity for one in trials]))
    variants = list(dict.fromkeys(one.variant for one in trials))
    lines: list[Line] = []
    for severity in severities:
        cases = [
            _Case.of([one for one in trials if one.variant == name], float(severity)) for name in variants
        ]
        lines += [case.line(cases[0]) for case in cases]
    return lines


def ablation_text(question: str, lines: Sequence[Line]) -> str:
    """The table as text."""
    table = Table(title=question, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("variant", overflow="fold")
    for heading in ("seeds", "sequences", "p50", "p90", "NLL", "in 90%", "p50 against the first [%]"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        numbers = (str(line.p50), str(line.p90), f"{line.nll:.2f}", f"{line.coverage_90:.0%}")
        change = (
            "—"
            if line.change is None
            else f"{line.change.value:+.1f} ({line.change.low:+.1f} to {line.change.high:+.1f})"
        )
        table.add_row(
            f"{line.severity:g}", line.variant, str(line.seeds), str(line.sequences), *numbers, change
        )
    return printed([table], TABLE_WIDTH) + (
        "Errors in metres, in brackets their 95 % bootstrap intervals over seeds and worlds; “in 90%”: truths inside "
        "the 90 % region; NLL in nats per m².\n"
    )


def ablation_record(question: str, lines: Sequence[Line]) -> dict[str, Any]:
    """The same as JSON."""
    return {"question": question, "lines": [dataclasses.asdict(line) for line in lines]}


@dataclass(frozen=True)
class _Case:
    """A variant at a severity: all its sequences, and how often each is in every resample."""

    variant: str
    severity: float
    evaluation: Evaluation
    seeds: int
    weight: Float[np.ndarray, "resample sample"]

    @classmethod
    def of(cls, trials: Sequence[Trial], severity: float) -> _Case:
        chosen = [
            (one.seed, one.scores.select(one.scores.circumstances.severity == severity)) for one in trials
        ]
        worlds = [np.char.add(f"{one.place} ", one.circumstances.world.astype(str)) for _, one in chosen]
        seeds = [np.full(len(one), seed) for (seed, _), one in zip(chosen, worlds, strict=True)]
        evaluation = Evaluation.concatenate([one.evaluations[0] for _, one in chosen])
        # Worlds are drawn before seeds, so that variants of fewer seeds are given the same worlds.
        generator = np.random.default_rng(SEED)
        weight = _drawn(np.concatenate(worlds), generator) * _drawn(np.concatenate(seeds), generator)
        return cls(trials[0].variant, severity, evaluation, len({seed for seed, _ in chosen}), weight)

    def line(self, first: _Case) -> Line:
        medians, reference = (
            weighted_percentile(one.evaluation.error, one.weight, 50) for one in (self, first)
        )
        p50, p90 = (self.evaluation.percentile(percent) for percent in (50.0, 90.0))
        change = with_interval(
            100 * (p50 / first.evaluation.percentile(50.0) - 1), 100 * (medians / reference - 1)
        )
        return Line(
            variant=self.variant,
            severity=self.severity,
            seeds=self.seeds,
            sequences=len(self.evaluation) // self.seeds,
            p50=with_interval(p50, medians),
            p90=with_interval(p90, weighted_percentile(self.evaluation.error, self.weight, 90)),
            nll=float(self.evaluation.negative_log_likelihood.mean()),
            coverage_90=self.evaluation.coverage(0.9),
            change=None if self is first else change,
        )


def _drawn(of: np.ndarray, generator: np.random.Generator) -> Float[np.ndarray, "resample sample"]:
    """How often each sequence is drawn where all of one kind are drawn together; a single kind is always there."""
    kinds, kind = np.unique(of, return_inverse=True)
    count = len(kinds)
    draws = generator.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    drawn: Float[np.ndarray, "resample sample"] = draws[:, kind].astype(float)
    return drawn
