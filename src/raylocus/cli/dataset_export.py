"""`raylocus dataset export`: a dataset for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.datasets.store import ReportDataset


def run(arguments: Sequence[str]) -> int:
    """Writes a dataset as Parquet tables, or the paths to its reports as DeepMIMO scenarios."""
    parser = verb_parser("dataset export", "Write a dataset for other tools.")
    parser.add_argument("dataset", help="dataset made by: raylocus dataset build")
    parser.add_argument("--format", type=Literal["parquet", "deepmimo"], required=True,
                        help="parquet: one row a token, one row a report; deepmimo: a scenario a place")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder that is written")
    given = parser.parse(arguments)
    from raylocus.datasets.store import open_report_dataset

    dataset = open_report_dataset(given.dataset)
    write = {"parquet": _parquet, "deepmimo": _deepmimo}[given.format]
    print(f"{given.out}: {write(dataset, given.out)}")
    return 0


def _parquet(dataset: ReportDataset, out: Path) -> str:
    from raylocus.datasets.exchange.tables import REPORT_TABLE, TOKEN_TABLE, export_tables

    export_tables(dataset, out)
    return f"{TOKEN_TABLE} and {REPORT_TABLE} written, {len(dataset)} sequences"


def _deepmimo(dataset: ReportDataset, out: Path) -> str:
    import numpy as np

    from raylocus.datasets.exchange.deepmimo_export import export_scenario
    from raylocus.datasets.parts import parts_of
    from raylocus.propagation.maps.traced_place import open_place

    names = []
    for index in np.unique(dataset.place_index):
        choice = dataset.configuration.places[index]
        parts = parts_of(dataset, dataset.place_index == index)
        receivers = np.unique(np.concatenate([part.reports.position for part in parts]), axis=0)
        export_scenario(open_place(choice.folder), receivers, out / choice.name.lower())
        names.append(choice.name.lower())
    if not names:
        raise InputError("the dataset has no sequences to export; build it again with more of them")
    return f"scenarios {', '.join(names)} written; deepmimo.load(NAME) looks for them in ./deepmimo_scenarios"
