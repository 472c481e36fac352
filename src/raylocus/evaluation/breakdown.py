"""Errors by what made the case easy or hard, with bootstrap intervals; as tables and as text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from raylocus.evaluation.evaluation import PERCENTILES, REGIONS, Evaluation, Truth
from raylocus.evaluation.references import BOUND_NAME
from raylocus.ragged import Columns

#: Bounds of the groups by number of heard cells, each from the first to the second, inclusive.
HEARD_GROUPS = ((1, 2), (3, 4), (5, 6), (7, 99))
#: Resamples of the bootstrap and their seed.
RESAMPLES, SEED = 1000, 0
#: Mass of an interval; it leaves as much below as above.
INTERVAL = 0.95
#: Percentiles of the error that are given intervals.
QUOTED = (50, 90)


@dataclass(frozen=True)
class Circumstances(Columns):
    """Where and in which world each evaluated sequence was observed."""

    place: Shaped[np.ndarray, " sample"]
    """Name of the place."""
    style: Shaped[np.ndarray, " sample"]
    """Style of the city; "" where the dataset does not say it."""
    severity: Float[np.ndarray, " sample"]
    """Severity of the world's law."""
    world: Int[np.ndarray, " sample"]
    """Number of the world; sequences of one world share its errors."""


@dataclass(frozen=True, eq=False)
class Group:
    """Some of the evaluated sequences."""

    label: str
    members: Bool[np.ndarray, " sample"]

    def median(self, evaluation: Evaluation) -> float:
        """Median error of a method on the group [m]; NaN for an empty group."""
        return float(np.median(evaluation.error[self.members])) if self.members.any() else float("nan")


@dataclass(frozen=True)
class Quoted:
    """A percentile of the error and its bootstrap interval [m]."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f}–{self.high:.1f})"


def all_groups(truth: Truth, circumstances: Circumstances) -> dict[str, tuple[Group, ...]]:
    """Groups by what they are divided by: place, city style, severity, heard cells and line of sight."""
    return {
        "place": _groups_of(circumstances.place),
        "city style": _groups_of(circumstances.style),
        "severity": _groups_of(np.array([f"{severity:g}" for severity in circumstances.severity])),
        "cells heard": heard_groups(truth),
        "line of sight": sight_groups(truth),
    }


def heard_groups(truth: Truth) -> tuple[Group, ...]:
    """Groups by the number of cells heard in the last report; empty ones are left out."""
    heard = truth.heard_cells
    names = (f"{low} or more cells" if high == 99 else f"{low}–{high} cells" for low, high in HEARD_GROUPS)
    return _filled(names, ((heard >= low) & (heard <= high) for low, high in HEARD_GROUPS))


def sight_groups(truth: Truth) -> tuple[Group, ...]:
    """Groups by line of sight to the serving site; sequences where it is unknown belong to neither."""
    known = (truth.line_of_sight == 1, truth.line_of_sight == 0)
    return _filled(("line of sight", "no line of sight"), known)


def _filled(names: Iterable[str], members: Iterable[Bool[np.ndarray, " sample"]]) -> tuple[Group, ...]:
    """Groups that have members."""
    return tuple(Group(*each) for each in zip(names, members, strict=True) if each[1].any())


def quoted(
    evaluations: Sequence[Evaluation], group: Group, world: Int[np.ndarray, " sample"]
) -> dict[str, Mapping[int, Quoted]]:
    """Percentiles of `QUOTED` with their intervals, by method, on one group.

    Whole worlds are drawn with replacement, because sequences of one world share its errors (the cluster
    bootstrap: Davison and Hinkley 1997, §3.8); where there is one world, sequences.
    """
    weight = _resampled(world[group.members])

    def percentile(error: Float[np.ndarray, " sample"], percent: int) -> Quoted:
        resampled = weighted_percentile(error, weight, percent)
        return with_interval(float(np.percentile(error, percent)), resampled)

    return {
        one.name: {percent: percentile(one.error[group.members], percent) for percent in QUOTED}
        for one in evaluations
    }


def _groups_of(values: Shaped[np.ndarray, " sample"]) -> tuple[Group, ...]:
    return tuple(Group(str(value), values == value) for value in np.unique(values) if value != "")


def _resampled(world: Int[np.ndarray, " sample"]) -> Float[np.ndarray, "resample sample"]:
    """How often each sequence is in each resample."""
    drawn, cluster = np.unique(world, return_inverse=True)
    if len(drawn) == 1:
        cluster = np.arange(len(world))
    count = int(cluster.max()) + 1
    draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return draws[:, cluster].astype(float)


def weighted_percentile(
    error: Float[np.ndarray, " sample"], weight: Float[np.ndarray, "resample sample"], percent: int
) -> Float[np.ndarray, " resample"]:
    """A percentile of the error in each resample [m], interpolated as numpy's is.

    `weight` is how often each sequence is in each resample.
    """
    order = np.argsort(error, kind="stable")
    below = np.cumsum(weight[:, order], axis=1)
    position = percent / 100 * (below[:, -1:] - 1)
    first, second = (
        error[order][(below >= np.minimum(rank, below[:, -1:])).argmax(axis=1)]
        for rank in (np.floor(position) + 1, np.floor(position) + 2)
    )
    found: Float[np.ndarray, " resample"] = first + (position % 1)[:, 0] * (second - first)
    return found


def with_interval(value: float, resampled: Float[np.ndarray, " resample"]) -> Quoted:
    """A number and the interval of mass `INTERVAL` of what it is in resamples."""
    low, high = np.percentile(resampled, [50 * (1 - INTERVAL), 50 * (1 + INTERVAL)])
    return Quoted(value, float(low), float(high))


#: Column titles by key of `Evaluation.summary`, with the format of their numbers.
COLUMNS = {
    **{f"p{percent}": (f"p{percent}", ".1f") for percent in PERCENTILES},
    "mean": ("mean", ".1f"),
    **{f"coverage_{round(100 * mass)}": (f"in {mass:.0%}", ".0%") for mass in REGIONS},
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
