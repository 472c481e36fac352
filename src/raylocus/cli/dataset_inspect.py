"""`raylocus dataset inspect`: what a dataset holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.parsing import verb_parser

if TYPE_CHECKING:
    from rich.table import Table

    from raylocus.datasets.store import ReportDataset


def run(arguments: Sequence[str]) -> int:
    """Prints places, splits, sizes and the training split's statistics."""
    from rich.console import Console

    from raylocus.datasets.store import open_report_dataset

    parser = verb_parser("dataset inspect", "Say what a dataset holds.")
    parser.add_argument("dataset", type=Path, help="dataset made by: raylocus dataset build")
    given = parser.parse(arguments)
    dataset = open_report_dataset(given.dataset)
    severity, seed = dataset.configuration.world_law.severity, dataset.configuration.seed
    print(f"{given.dataset}: severity {severity:g}, seed {seed}, digest {dataset.provenance.digest[:12]}")
    console = Console()
    console.print(_places(dataset))
    console.print(_features(dataset))
    return 0


def _places(dataset: ReportDataset) -> Table:
    from rich.table import Table

    table = Table("place", "split", title="sequences")
    for column in ("worlds", "sequences", "reports"):
        table.add_column(column, justify="right")
    for index, folder in enumerate(dataset.places):
        for split in ("train", "validation", "test"):
            chosen = dataset.select((dataset.place_index == index) & (dataset.split == split))
            if len(chosen):
                worlds = len(set(chosen.world_index.tolist()))
                row = (str(worlds), str(len(chosen)), str(len(chosen.reports.time)))
                table.add_row(str(folder), split, *row)
    return table


def _features(dataset: ReportDataset) -> Table:
    import numpy as np
    from rich.table import Table

    from raylocus.network.features import FEATURES

    table = Table("feature", "unit", title="features of the training split")
    for column in ("mean", "standard deviation", "present"):
        table.add_column(column, justify="right")
    training = dataset.select(dataset.split == "train").reports
    present = np.isfinite(training.features).mean(axis=0)
    statistics = zip(
        FEATURES, dataset.statistics.mean, dataset.statistics.standard_deviation, present, strict=True
    )
    for feature, mean, deviation, share in statistics:
        table.add_row(feature.name, feature.unit, f"{mean:.2f}", f"{deviation:.2f}", f"{share:.0%}")
    return table
