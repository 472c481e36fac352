"""The benchmark's table: one block a feature set and severity, one row a method."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from rich.table import Table

from raylocus.evaluation.bound.self_check import SelfCheck
from raylocus.evaluation.breakdown import (
    Circumstances,
    Group,
    Quoted,
    bound_among,
    printed,
    quoted,
    results_table,
)
from raylocus.evaluation.evaluation import Evaluation
from raylocus.evaluation.place_scores import PlaceScores, pooled

#: Wide enough for every column.
TABLE_WIDTH = 170


@dataclass(frozen=True)
class Block:
    """All methods at one severity with one feature set, over all test places."""

    feature_set: str
    severity: float
    scores: Sequence[PlaceScores]
    """Of each place, at this severity."""

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """One a method that answers in every place."""
        return pooled(self.scores)

    @property
    def self_check(self) -> SelfCheck | None:
        """The bound's, over all places; None where it refuses all of them."""
        checks = [place.self_checks[self.severity] for place in self.scores if place.self_checks]
        return SelfCheck.pooled(checks) if checks else None

    @cached_property
    def quotes(self) -> Mapping[str, Mapping[int, Quoted]]:
        """Percentiles with bootstrap intervals over worlds, by method."""
        circumstances = Circumstances.concatenate([place.circumstances for place in self.scores])
        # Datasets number their worlds each in its own way; of two places none is the same.
        named = np.char.add(circumstances.place.astype(str), circumstances.world.astype(str))
        world = np.unique(named, return_inverse=True)[1]
        return quoted(self.evaluations, Group("all", np.ones(len(world), bool)), world)

    @property
    def title(self) -> str:
        """Feature set, severity, places and sequences."""
        return (
            f"{self.feature_set}, severity {self.severity:g}: {len(self.scores)} places, "
            f"{len(self.evaluations[0])} sequences"
        )

    def table(self) -> Table:
        """A rich table; the last column is the only one that another run changes."""
        cost = [format(_milliseconds(one), ".1f") for one in self.evaluations]
        return results_table(self.evaluations, self.title, self.quotes, {"CPU ms": cost})

    def record(self) -> dict[str, Any]:
        """The block as JSON."""
        check = self.self_check
        return {
            "feature_set": self.feature_set,
            "severity": self.severity,
            "places": [place.place for place in self.scores],
            "sequences": len(self.evaluations[0]),
            "self_check": None if check is None else dataclasses.asdict(check),
            "methods": {one.name: self._numbers(one) for one in self.evaluations},
        }

    def _numbers(self, evaluation: Evaluation) -> dict[str, Any]:
        places = {
            place.place: next(one for one in place.evaluations if one.name == evaluation.name).percentile(
                50.0
            )
            for place in self.scores
        }
        intervals = {
            f"p{percent}": [one.low, one.high] for percent, one in self.quotes[evaluation.name].items()
        }
        return {
            **evaluation.summary(bound_among(self.evaluations)),
            "intervals": intervals,
            "p50_by_place": places,
            "cpu_ms": _milliseconds(evaluation),
        }


def blocks_of(scores: Mapping[str, Sequence[PlaceScores]]) -> list[Block]:
    """The blocks of a benchmark, by feature set and then by severity."""
    return [
        Block(name, float(severity), list(_at(of_set, float(severity))))
        for name, of_set in scores.items()
        for severity in np.unique(np.concatenate([place.circumstances.severity for place in of_set]))
    ]


def benchmark_text(blocks: Sequence[Block], left_out: Sequence[str]) -> str:
    """The tables as text, and below them what must be read with them."""
    tables = printed([block.table() for block in blocks], TABLE_WIDTH)
    return tables + "".join(f"{note}\n" for note in _notes(blocks, left_out))


def benchmark_record(blocks: Sequence[Block], left_out: Sequence[str]) -> dict[str, Any]:
    """The same as JSON."""
    return {"blocks": [block.record() for block in blocks], "notes": _notes(blocks, left_out)}


def _at(scores: Sequence[PlaceScores], severity: float) -> Iterator[PlaceScores]:
    for place in scores:
        members = place.circumstances.severity == severity
        if members.any():
            yield place.select(members)


def _notes(blocks: Sequence[Block], left_out: Sequence[str]) -> list[str]:
    refusals = {
        f"{block.feature_set}: {name} of {place.place}: {sentence}"
        for block in blocks
        for place in block.scores
        for name, sentence in place.refusals.items()
    }
    checks = [
        check.sentence(f"all places, feature set {block.feature_set}, severity {block.severity:g}")
        for block in blocks
        if (check := block.self_check) is not None
    ]
    return [
        "Errors in metres, in brackets their 95 % bootstrap intervals over worlds; “in 90%”: truths inside the 90 % "
        "region, 90 % is right; NLL in nats per m²; CPU ms: processor time a UE, with its share of the place's "
        "preparation.",
        *sorted(refusals),
        *checks,
        *left_out,
    ]


def _milliseconds(evaluation: Evaluation) -> float:
    return 1000 * evaluation.seconds / max(len(evaluation), 1)
