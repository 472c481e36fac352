"""What an evaluation leaves in a run's folder in addition to its page: metrics.json, table.txt, example reports."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from raylocus.datasets.store import ReportDataset
from raylocus.evaluation.baselines.fitted_classics import Classics
from raylocus.evaluation.breakdown import (
    QUOTED,
    Circumstances,
    Group,
    Quoted,
    all_groups,
    bound_among,
    breakdown_table,
    printed,
    quoted,
    results_table,
)
from raylocus.evaluation.comparison import Comparison
from raylocus.evaluation.evaluation import Evaluation
from raylocus.evaluation.place_scores import PlaceScores, pooled
from raylocus.evaluation.references import BOUND_NAME
from raylocus.network.reports.report_files import save_reports
from raylocus.provenance import Provenance
from raylocus.storage import written_whole

#: Wide enough for every column of the tables.
TABLE_WIDTH = 200


@dataclass(frozen=True)
class Results:
    """What came of an evaluation: all methods over the sequences of all test places."""

    comparisons: Sequence[Comparison]
    """All methods on each test place, the learned one first."""
    dataset: ReportDataset
    """What the test sequences are from."""
    classics: Classics
    """The classics that the learned method was compared with."""

    @property
    def scores(self) -> list[PlaceScores]:
        """Of each test place."""
        return [one.scores for one in self.comparisons]

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """One evaluation a method; a reference that refuses a place is left out."""
        return pooled(self.scores)

    @cached_property
    def quotes(self) -> dict[str, dict[Group, Mapping[str, Mapping[int, Quoted]]]]:
        """Percentiles with their intervals, by what sequences are divided by, group, method and percentile."""
        circumstances = Circumstances.concatenate([one.circumstances for one in self.scores])
        truth = self.evaluations[0].truth
        everybody = Group("all", np.ones(len(truth.position), bool))
        groups = {"all": (everybody,), **all_groups(truth, circumstances)}
        return {
            dimension: {group: quoted(self.evaluations, group, circumstances.world) for group in of_dimension}
            for dimension, of_dimension in groups.items()
        }

    @property
    def compared(self) -> list[str]:
        """Methods that the table by groups shows: the learned one, the classic of least median error, the bound."""
        classics = {one.name for one in self.classics.methods}
        peers = [one for one in self.evaluations if one.name in classics]
        best = [min(peers, key=lambda one: one.percentile(50.0)).name] if peers else []
        return [self.evaluations[0].name, *best, *([BOUND_NAME] if bound_among(self.evaluations) else [])]

    @property
    def notes(self) -> list[str]:
        """What must be read with the table, one sentence a line."""
        refusals = {f"{name}: {sentence}" for one in self.scores for name, sentence in one.refusals.items()}
        checks = [check.sentence(one.place) for one in self.scores if (check := one.self_check) is not None]
        fitted = f"The classics were fitted on the dataset {self.classics.fitted_on[:12]}."
        return [*sorted(refusals), *checks, fitted]

    @property
    def title(self) -> str:
        """Places, number of sequences and severities."""
        places = ", ".join(one.place for one in self.scores)
        sequences = len(self.evaluations[0])
        return f"{places}: {sequences} sequences, severity {tested_severities(self.dataset)}"

    def table_text(self) -> str:
        """The tables and notes as text."""
        (intervals,) = self.quotes["all"].values()
        table = results_table(self.evaluations, self.title, intervals, {})
        table.caption = (
            "errors in metres, in brackets their 95 % bootstrap intervals; “in 90%”: truths inside the 90 % region, "
            "90 % is right; NLL in nats per m²"
        )
        tables = [table, breakdown_table(self.quotes, self.compared)]
        return printed(tables, TABLE_WIDTH) + "".join(f"{note}\n" for note in self.notes)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """metrics.json: numbers by method, and the bound's self-check and what is refused by place.

        Numbers are those of `Evaluation.summary` and `quotes`; what is not finite is null.
        """
        bound = bound_among(self.evaluations)
        return {
            "methods": {
                one.name: {**_finite(one.summary(bound)), "groups": self._groups_of(one.name)}
                for one in self.evaluations
            },
            "self_check": {
                one.place: _finite(dataclasses.asdict(one.self_check))
                for one in self.scores
                if one.self_check
            },
            "refusals": {one.place: one.refusals for one in self.scores if one.refusals},
        }

    def _groups_of(self, method: str) -> dict[str, dict[str, Any]]:
        return {
            dimension: {
                group.label: {
                    "sequences": int(group.members.sum()),
                    **{f"p{percent}": dataclasses.asdict(of_methods[method][percent]) for percent in QUOTED},
                }
                for group, of_methods in groups.items()
            }
            for dimension, groups in self.quotes.items()
        }


def write_results(results: Results, out: Path, examples: int) -> None:
    """Writes metrics.json, table.txt, and as many test sequences as `examples` for `raylocus locate`.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(out / "metrics.json") as aside:
        aside.write_text(json.dumps(results.metrics(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    with written_whole(out / "table.txt") as aside:
        aside.write_text(results.table_text())
    first = results.comparisons[0].reports
    chosen = np.arange(min(examples, len(first)))
    inputs = {"dataset": results.dataset.provenance.digest, "classics": results.classics.fitted_on}
    provenance = Provenance.collect({"sequences": len(chosen)}, None, inputs)
    save_reports(first.select(chosen), out / "reports.zarr", provenance)


def tested_severities(dataset: ReportDataset) -> str:
    """Severities of the worlds that are tested in."""
    tested = dataset.world_index[dataset.split == "test"]
    return ", ".join(f"{each:g}" for each in sorted({dataset.worlds[world].law.severity for world in tested}))


def _finite(summary: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        key: value if value is not None and math.isfinite(value) else None for key, value in summary.items()
    }
