"""`raylocus dataset build` and `dataset inspect`: a dataset observed, and what it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import (
    VerbParser,
    add_engine_arguments,
    engine_of,
    progress_lines,
    recipe_file,
    verb_parser,
)
from raylocus.errors import InputError, LeakageError, StoreError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from raylocus.datasets.build import BuildPart
    from raylocus.datasets.leakage import Leakage
    from raylocus.datasets.store import ReportDataset
    from raylocus.datasets.store_writing import Skipped
    from raylocus.datasets.summary import DatasetSummary


def run_dataset_build(arguments: Sequence[str]) -> int:
    """Builds the dataset, or one part of it; a second run does only what is missing."""
    given = _parser().parse(arguments)
    from raylocus.datasets.build import build_dataset, build_part
    from raylocus.datasets.building.work import workers_for
    from raylocus.datasets.configuration import load_dataset_configuration

    configuration = load_dataset_configuration(recipe_file("dataset", given.config))
    with engine_of(given.engine, given.workers, given.address, lambda: workers_for(configuration)) as engine:
        if given.part is not None:
            remaining = build_part(configuration, given.out, _part(given.part), progress_lines, engine)
            _print_skipped(remaining.skipped)
            print(_what_remains(given, remaining))
            return 0
        _print_skipped(build_dataset(configuration, given.out, progress_lines, engine))
    print(f"{given.out} written; see: raylocus dataset inspect {given.out}")
    return 0


def _parser() -> VerbParser:
    parser = verb_parser("dataset build", "Observe phones in many worlds of many places.")
    parser.add_argument(
        "config", type=str, help="dataset configuration: a YAML file, or a recipe such as demo"
    )
    parser.add_argument(
        "--out", type=str, required=True, help="dataset, such as datasets/demo.zarr or s3://bucket/demo.zarr"
    )
    parser.add_argument("--part", type=str, help="do only share I of N of the work, as I/N; then run without")
    add_engine_arguments(parser)
    return parser


def _part(text: str) -> BuildPart:
    from raylocus.datasets.build import BuildPart

    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found:
        raise InputError(f"--part takes I/N such as 2/8, not {text!r}")
    return BuildPart(int(found[1]), int(found[2]))


def _print_skipped(skipped: Sequence[Skipped]) -> None:
    for each in skipped:
        print(f"skipped a place: {each.reason}")


def _what_remains(given: Any, remaining: Any) -> str:
    last = f"finish with: raylocus dataset build {given.config} --out {given.out}"
    if not remaining.places and not remaining.worlds:
        return f"everything is observed; {last}"
    return f"{remaining.places} places and {remaining.worlds} worlds remain for the other parts; at the end, {last}"


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

    from raylocus.viz.dataset import place_figure

    parts = list(dataset.parts(dataset.place_index == index))
    position = np.concatenate([part.reports.position[:, :2] for part in parts])
    sample = np.concatenate([part.samples[part.reports.sequence_of_report] for part in parts])
    return place_figure(dataset.place(index), position, dataset.split[sample], name)


def _save(figure: Figure, path: Path) -> None:
    from raylocus.storage import written_whole

    with written_whole(path) as aside:
        figure.savefig(aside, format="png", dpi=110)
