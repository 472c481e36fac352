"""What a dataset holds, as tables of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

if TYPE_CHECKING:
    from raylocus.datasets.store import ReportDataset
    from raylocus.datasets.summary import DatasetSummary


def place_table(summary: DatasetSummary) -> Table:
    """One row a place: what was observed there, and how much of it is covered and in line of sight."""
    table = _table("place", "sequences by split", title="places")
    for column in ("worlds", "reports", "covered", "in sight"):
        table.add_column(column, justify="right")
    for place in summary.places:
        sequences = ", ".join(f"{name} {count}" for name, count in place.sequences.items())
        shares = (_percent(place.covered), _percent(place.line_of_sight))
        table.add_row(place.name, sequences, str(place.worlds), str(place.reports), *shares)
    return table


def split_table(summary: DatasetSummary) -> Table:
    """One row a split."""
    table = _table("split", title="splits")
    for column in ("places", "worlds", "sequences", "reports", "tokens", "cells a report", "in sight"):
        table.add_column(column, justify="right")
    for split in summary.splits:
        heard = split.heard_cells @ np.arange(len(split.heard_cells)) / max(split.heard_cells.sum(), 1)
        counts = (split.places, split.worlds, split.sequences, split.reports, split.tokens)
        table.add_row(split.name, *map(str, counts), f"{heard:.1f}", _percent(split.line_of_sight))
    return table


def feature_table(dataset: ReportDataset, summary: DatasetSummary) -> Table:
    """One row a feature: how often it is there, and the training split's statistics."""
    table = _table(
        "feature", "unit", title="features: share of the tokens of their kind, statistics of training"
    )
    for column in (*(split.name for split in summary.splits), "mean", "standard deviation"):
        table.add_column(column, justify="right")
    statistics = dataset.statistics
    for index, feature in enumerate(summary.features):
        shares = (_percent(float(split.availability[index])) for split in summary.splits)
        mean, deviation = statistics.mean[index], statistics.standard_deviation[index]
        table.add_row(feature.name, feature.unit, *shares, f"{mean:.4g}", f"{deviation:.4g}")
    return table


def _table(*columns: str, title: str) -> Table:
    return Table(*columns, title=title, title_justify="left")


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{share:.0%}"
