"""What a dataset holds, as tables of text: the terminal and the dataset card show the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raylocus.datasets.statistics import FeatureStatistics
from raylocus.datasets.summary import DatasetSummary


@dataclass(frozen=True)
class TextTable:
    """Rows of text under a heading."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def place_table(summary: DatasetSummary) -> TextTable:
    """One row a place: what was observed there, how much of it is covered and in line of sight."""
    rows = []
    for place in summary.places:
        sequences = ", ".join(f"{name} {count}" for name, count in place.sequences.items())
        shares = (percent(place.covered), percent(place.line_of_sight))
        rows.append((place.name, sequences, str(place.worlds), str(place.reports), *shares))
    return TextTable(
        "Places", ("place", "sequences", "worlds", "reports", "covered", "in sight"), tuple(rows)
    )


def split_table(summary: DatasetSummary) -> TextTable:
    """One row a split."""
    rows = []
    for split in summary.splits:
        heard = split.heard_cells @ np.arange(len(split.heard_cells)) / max(split.heard_cells.sum(), 1)
        counts = (split.places, split.worlds, split.sequences, split.reports, split.tokens)
        rows.append((split.name, *map(str, counts), f"{heard:.1f}", percent(split.line_of_sight)))
    head = ("split", "places", "worlds", "sequences", "reports", "tokens", "heard", "in sight")
    return TextTable("Splits", head, tuple(rows))


def feature_table(summary: DatasetSummary, statistics: FeatureStatistics) -> TextTable:
    """One row a feature: share of the tokens of its kind that have it, and the training split's statistics."""
    rows = []
    for index, feature in enumerate(summary.features):
        shares = (percent(float(split.availability[index])) for split in summary.splits)
        mean, deviation = statistics.mean[index], statistics.standard_deviation[index]
        rows.append((feature.name, feature.unit, *shares, f"{mean:.3g}", f"{deviation:.3g}"))
    names = (split.name for split in summary.splits)
    return TextTable("Features", ("feature", "unit", *names, "mean", "σ"), tuple(rows))


def percent(share: float) -> str:
    """A share in percent; a dash where it is unknown."""
    return "–" if np.isnan(share) else f"{share:.0%}"
