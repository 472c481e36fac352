"""What an evaluation leaves in a run's folder: metrics.json, table.txt, report.html, example reports."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from raylocus.cli.comparison import BOUND_NAME, TRUE_MAPS_NAME, Comparison
from raylocus.datasets.store import ReportDataset
from raylocus.evaluation.evaluate import write_metrics
from raylocus.evaluation.evaluation import Evaluation, Truth
from raylocus.evaluation.table import results_table
from raylocus.network.report_store import save_reports
from raylocus.provenance import Provenance, versions
from raylocus.storage import written_whole
from raylocus.viz.report import ReportContent, write_report

#: Wide enough for every column of the table.
TABLE_WIDTH = 160


def write_results(
    comparisons: Sequence[Comparison], dataset: ReportDataset, out: Path, examples: int
) -> None:
    """Writes the results of all test places; the page shows the first of them.

    Args:
        comparisons: all methods on each test place, the learned one first.
        dataset: the dataset that the test sequences are from.
        out: folder for the results.
        examples: test sequences that are saved for `raylocus locate`.

    Raises:
        StorageFullError: the disk filled up.
    """
    evaluations = pooled(comparisons)
    bound = next((one for one in evaluations if one.name == BOUND_NAME), None)
    first = comparisons[0]
    write_metrics(evaluations, out / "metrics.json", bound)
    with written_whole(out / "table.txt") as aside:
        aside.write_text(_table_text(evaluations, bound, _title(comparisons, dataset)))
    write_report(_content(first, dataset, evaluations[0].name), out / "report.html")
    chosen = np.arange(min(examples, len(first.reports)))
    provenance = Provenance.collect({"sequences": len(chosen)}, None, {"dataset": dataset.provenance.digest})
    save_reports(first.reports.select(chosen), out / "reports.zarr", provenance)


def pooled(comparisons: Sequence[Comparison]) -> list[Evaluation]:
    """One evaluation a method over the sequences of all test places."""
    names = comparisons[0].outcomes
    return [_joined([comparison.outcomes[name].evaluation for comparison in comparisons]) for name in names]


def _joined(parts: Sequence[Evaluation]) -> Evaluation:
    fields = [field.name for field in dataclasses.fields(Truth)]
    truth = {name: np.concatenate([getattr(part.truth, name) for part in parts]) for name in fields}
    arrays = ("error", "negative_log_likelihood", "denser", "tied")
    return Evaluation(
        name=parts[0].name,
        truth=Truth(**truth),
        seconds=sum(part.seconds for part in parts),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
    )


def _title(comparisons: Sequence[Comparison], dataset: ReportDataset) -> str:
    places = ", ".join(comparison.place.name for comparison in comparisons)
    sequences = sum(len(comparison.reports) for comparison in comparisons)
    return f"{places}: {sequences} sequences, severity {_severities(dataset)}"


def _severities(dataset: ReportDataset) -> str:
    """Severities of the worlds that are tested in."""
    tested = np.unique(dataset.world_index[dataset.split == "test"])
    return ", ".join(
        f"{severity:g}" for severity in sorted({dataset.worlds[world].law.severity for world in tested})
    )


def _table_text(evaluations: Sequence[Evaluation], bound: Evaluation | None, title: str) -> str:
    console = Console(file=io.StringIO(), width=TABLE_WIDTH)
    console.print(results_table(evaluations, title, bound))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def _content(comparison: Comparison, dataset: ReportDataset, featured: str) -> ReportContent:
    configuration = dataset.configuration
    trained = ", ".join(place.folder.name for place in configuration.places if place.split == "train")
    worlds = len(np.unique(dataset.select(dataset.split == "test").world_index))
    description = (
        ("place", f"{comparison.place.name}, never seen in training"),
        ("trained on", trained),
        ("worlds", f"{worlds} of severity {_severities(dataset)} (1 is as wrong as the field)"),
        ("seed of the dataset", str(configuration.seed)),
        ("dataset", dataset.provenance.digest),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions().items())),
        ("again", "make demo"),
    )
    return ReportContent(
        title=f"Locating phones in {comparison.place.name}",
        description=description,
        place=comparison.place,
        reports=comparison.reports,
        outcomes=comparison.outcomes,
        featured=featured,
        bound=BOUND_NAME if BOUND_NAME in comparison.outcomes else None,
        references=tuple(name for name in (BOUND_NAME, TRUE_MAPS_NAME) if name in comparison.outcomes),
    )
