"""`raylocus dataset import` and `dataset export`: reports out of other tools' files, datasets for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raylocus.cli.console import verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.datasets.store import ReportDataset
    from raylocus.network.reports.reports import Reports
    from raylocus.provenance import Provenance

#: What is read, for those whose file is something else.
SOURCES = (
    "a Parquet table of reports, whose columns docs/reports.md describes (with how to make one of a phone's log), or "
    "the folder of a DeepMIMO 4 scenario with its params.json"
)


def run_dataset_import(arguments: Sequence[str]) -> int:
    """Writes a reports file of a DeepMIMO scenario's receivers, or of a table of tokens."""
    parser = verb_parser("dataset import", "Make a reports file of a DeepMIMO 4 scenario or a Parquet table.")
    parser.add_argument(
        "source",
        type=Path,
        help="scenario folder (params.json and its matrices), or a Parquet table of reports",
    )
    parser.add_argument("--out", type=Path, required=True, help="reports file, such as reports.zarr")
    parser.add_argument("--severity", type=float | None, default=None,
                        help="of a scenario's law of observation; left out, nothing is added to the paths")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the observation's random draws")
    given = parser.parse(arguments)
    from raylocus.network.reports.report_files import save_reports

    reports, provenance, summary, notes = _read(given.source, given.severity, given.seed)
    save_reports(reports, given.out, provenance)
    for note in notes:
        print(f"note: {note}")
    print(f"{given.out} written: {summary}")
    return 0


def _read(
    source: Path, severity: float | None, seed: int
) -> tuple[Reports, Provenance, str, tuple[str, ...]]:
    from raylocus.errors import InputError
    from raylocus.network.reports.report_files import is_table

    if is_table(source):
        return _table(source)
    if (refusal := _refusal(source)) is not None:
        raise InputError(refusal)
    return *_scenario(source, severity, seed), ()


def _refusal(source: Path) -> str | None:
    """Why a source is neither a table nor a scenario; None of a folder with a scenario's parameters."""
    from raylocus.scenes.foreign_files import absence, archive, deepmimo_folder, deepmimo_parts, parquet_parts
    from raylocus.storage import MANIFEST

    said = absence(source) or deepmimo_parts(source) or archive(source) or parquet_parts(source)
    if said is not None:
        return said
    kind = deepmimo_folder(source)
    if kind == "DeepMIMO 4":
        return None
    if kind is not None:
        return f"{source} is a {kind} scenario; convert it with DeepMIMO 4, which writes params.json, and give that"
    if (source / MANIFEST).is_file():
        return f"{source} is a store of raylocus already; give it to raylocus locate, or raylocus dataset inspect"
    return f"{source} is nothing that can be imported; give {SOURCES}"


def _table(source: Path) -> tuple[Reports, Provenance, str, tuple[str, ...]]:
    from raylocus.network.reports.report_checks import check_reports, repaired_reports
    from raylocus.network.reports.report_table import read_report_table
    from raylocus.provenance import Provenance, hash_file

    table = read_report_table(source)
    check_reports(table.reports, source)
    repaired = repaired_reports(table.reports)
    provenance = Provenance.collect({"table": source.name}, None, {source.name: hash_file(source)})
    summary = f"{len(repaired.reports)} sequences, {len(repaired.reports.time)} reports"
    return repaired.reports, provenance, summary, table.notes + repaired.notes


def _scenario(source: Path, severity: float | None, seed: int) -> tuple[Reports, Provenance, str]:
    from raylocus.datasets.exchange.deepmimo_import import PLAIN, import_scenario, scenario_provenance
    from raylocus.network.configuration import NetworkConfiguration

    observation = PLAIN if severity is None else NetworkConfiguration().at_severity(severity)
    found = import_scenario(source, observation, seed)
    cells = "one cell a transmitter, which radiates evenly" if found.isotropic else "its own cells"
    summary = f"{len(found.reports)} receivers, {len(found.deployment.sites)} sites, {cells}"
    return found.reports, scenario_provenance(source, found, observation, seed), summary


def run_dataset_export(arguments: Sequence[str]) -> int:
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
    from raylocus.propagation.maps.traced_place import open_place

    names = []
    for index in np.unique(dataset.place_index):
        choice = dataset.configuration.places[index]
        parts = dataset.parts(dataset.place_index == index)
        receivers = np.unique(np.concatenate([part.reports.position for part in parts]), axis=0)
        export_scenario(open_place(choice.folder), receivers, out / choice.name.lower())
        names.append(choice.name.lower())
    if not names:
        raise InputError("the dataset has no sequences to export; build it again with more of them")
    return f"scenarios {', '.join(names)} written; deepmimo.load(NAME) looks for them in ./deepmimo_scenarios"
