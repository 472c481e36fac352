"""Evaluations as tables: methods of all places together, by group, and as text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.breakdown import QUOTED, Group, Quoted
from raylocus.evaluation.evaluation import Evaluation
from raylocus.evaluation.references import BOUND_NAME

#: Column titles by key of `Evaluation.summary`, with the format of their numbers.
COLUMNS = {
    "p50": ("p50", ".1f"),
    "p67": ("p67", ".1f"),
    "p80": ("p80", ".1f"),
    "p90": ("p90", ".1f"),
    "p95": ("p95", ".1f"),
    "mean": ("mean", ".1f"),
    "coverage_50": ("in 50%", ".0%"),
    "coverage_90": ("in 90%", ".0%"),
    "coverage_95": ("in 95%", ".0%"),
    "nll": ("NLL", ".2f"),
    "error_over_bound": ("÷bound", ".2f"),
}


#: Percentiles of the error with their intervals, by method and percentile.
Intervals = Mapping[str, Mapping[int, Quoted]]


def table_rows(
    evaluations: Sequence[Evaluation], bound: Evaluation | None = None, intervals: Intervals | None = None
) -> list[list[str]]:
    """One row of text a method: its name and the columns of `COLUMNS`, with intervals where they are given."""
    rows = []
    for evaluation in evaluations:
        summary = evaluation.summary(bound)
        quoted = {
            f"p{percent}": str(one) for percent, one in (intervals or {}).get(evaluation.name, {}).items()
        }
        cells = (
            "—" if summary[key] is None else quoted.get(key, format(summary[key], style))
            for key, (_, style) in COLUMNS.items()
        )
        rows.append([evaluation.name, *cells])
    return rows


def results_table(
    evaluations: Sequence[Evaluation], title: str, intervals: Intervals, further: Mapping[str, list[str]]
) -> Table:
    """A rich table of all methods, with further columns by their heading."""
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("method", no_wrap=True)
    for heading in (*(heading for heading, _ in COLUMNS.values()), *further):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = table_rows(evaluations, bound_among(evaluations), intervals)
    for number, row in enumerate(rows):
        table.add_row(*row, *(column[number] for column in further.values()))
    return table


def printed(tables: Sequence[Table], width: int) -> str:
    """Rich tables as text."""
    file = io.StringIO()
    console = Console(file=file, width=width)
    for table in tables:
        console.print(table)
    return file.getvalue()


def pooled(of_place: Sequence[Mapping[str, Evaluation]]) -> list[Evaluation]:
    """One evaluation a method that answers in every place."""
    common = [name for name in of_place[0] if all(name in found for found in of_place)]
    return [Evaluation.concatenate([found[name] for found in of_place]) for name in common]


def bound_among(evaluations: Sequence[Evaluation]) -> Evaluation | None:
    """The bound's; None where it refuses a place."""
    return next((one for one in evaluations if one.name == BOUND_NAME), None)


def breakdown_table(quotes: Mapping[str, Mapping[Group, Intervals]], methods: Sequence[str]) -> Table:
    """A rich table of the errors of some methods by group, see `breakdown.quoted`."""
    caption = "errors in metres with their 95 % bootstrap intervals, over worlds where there are several"
    table = Table(caption=caption, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("by", "group"):
        table.add_column(heading, no_wrap=True)
    stacked = (name.replace(", ", ",\n") + f"\np{percent}" for name in methods for percent in QUOTED)
    for heading in ("sequences", *stacked):
        table.add_column(heading, justify="right", no_wrap=True)
    for dimension, groups in quotes.items():
        for group, of_methods in groups.items():
            cells = (str(of_methods[name][percent]) for name in methods for percent in QUOTED)
            table.add_row(dimension, group.label, str(int(group.members.sum())), *cells)
    return table
