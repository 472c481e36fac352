"""`raylocus dataset inspect`: what a dataset holds, whether it is whole, and whether its test is kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import verb_parser
from raylocus.errors import LeakageError, StoreError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from raylocus.datasets.leakage import Leakage
    from raylocus.datasets.store import ReportDataset
    from raylocus.datasets.summary import DatasetSummary

#: Figures of the folder that --out names, in addition to one a place.
AVAILABILITY, HISTOGRAMS, HEARING = "availability.png", "histograms.png", "hearing.png"


def run_dataset_inspect(arguments: Sequence[str]) -> int:
    """Prints what a dataset holds, or draws it, or compares its test with its training."""
    parser = verb_parser("dataset inspect", "Say what a dataset holds, and whether its splits keep apart.")
    parser.add_argument("dataset", help="dataset made by: raylocus dataset build")
    parser.add_argument(
        "--out", type=Path | None, default=None, help="folder for figures and the dataset card"
    )
    parser.add_argument("--leakage", action="store_true", help="only what the test shares with the training")
    given = parser.parse(arguments)
    from raylocus.datasets.leakage import find_leakage
    from raylocus.datasets.store import open_report_dataset

    _require_whole(given.dataset)
    dataset = open_report_dataset(given.dataset)
    leakage = find_leakage(dataset)
    if not given.leakage:
        _describe(given.dataset, dataset, leakage, given.out)
    _judge(dataset, leakage)
    return 0


def _require_whole(name: str) -> None:
    """Reads every file; each that is not as it was written is printed."""
    from raylocus.datasets.folders import verify_store

    findings = verify_store(name)
    for finding in findings[1:]:
        print(finding.sentence)
    if findings:
        more = f" (and {len(findings) - 1} more, listed above)" if len(findings) > 1 else ""
        where = "" if findings[0].name == name else f"{name} is damaged: "
        raise StoreError(f"{where}{findings[0].sentence}{more}")


def _describe(name: str, dataset: ReportDataset, leakage: Leakage, out: Path | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from raylocus.datasets.summary import feature_table, place_table, split_table, summarise

    summary = summarise(dataset)
    severities = ", ".join(
        f"{severity:g}" for severity in sorted({world.law.severity for world in dataset.worlds})
    )
    described = (
        f"severity {severities}, seed {dataset.configuration.seed}, digest {dataset.provenance.digest[:12]}"
    )
    print(f"{name}: complete, {described}")
    for each in (place_table(summary), split_table(summary), feature_table(summary, dataset.statistics)):
        table = Table(title=each.title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
        for number, column in enumerate(each.head):
            table.add_column(column, no_wrap=number == 0)
        for row in each.rows:
            table.add_row(*row)
        Console().print(table)
    if out is not None:
        _write(Path(name).stem, dataset, summary, leakage, out)


def _judge(dataset: ReportDataset, leakage: Leakage) -> None:
    from raylocus.datasets.card import leakage_lines
    from raylocus.datasets.leakage import broken_rule

    rule = dataset.configuration.splits
    broken = broken_rule(rule, leakage)
    if broken:
        raise LeakageError(broken)
    print("\n".join(leakage_lines(rule, leakage)))


def _write(
    name: str, dataset: ReportDataset, summary: DatasetSummary, leakage: Leakage, folder: Path
) -> None:
    from raylocus.datasets.card import dataset_card
    from raylocus.storage import written_whole
    from raylocus.viz.dataset import availability_figure, hearing_figure, histograms_figure

    figures = {
        AVAILABILITY: availability_figure(summary),
        HISTOGRAMS: histograms_figure(summary),
        HEARING: hearing_figure(summary),
    }
    for file, figure in figures.items():
        _save(figure, folder / file)
    previews = [f"place_{place.name}.png" for place in summary.places]
    for file, place in zip(previews, summary.places, strict=True):
        _save(_place_figure(dataset, place.index, place.name), folder / file)
    pictures = (*figures, *previews)
    with written_whole(folder / "card.md") as aside:
        aside.write_text(dataset_card(name, dataset, summary, leakage, pictures))
    print(f"{folder}: card.md and {len(pictures)} figures written")


def _place_figure(dataset: ReportDataset, index: int, name: str) -> Figure:
    import numpy as np

    from raylocus.datasets.parts import parts_of
    from raylocus.viz.dataset import place_figure

    parts = list(parts_of(dataset, dataset.place_index == index))
    position = np.concatenate([part.reports.position[:, :2] for part in parts])
    sample = np.concatenate([part.samples[part.reports.sequence_of_report] for part in parts])
    return place_figure(dataset.place(index), position, dataset.split[sample], name)


def _save(figure: Figure, path: Path) -> None:
    from raylocus.storage import written_whole

    with written_whole(path) as aside:
        figure.savefig(aside, format="png", dpi=110)
