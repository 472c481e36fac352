"""`raylocus dataset import`: reports out of other tools' files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.parsing import verb_parser

if TYPE_CHECKING:
    from raylocus.network.reports import Reports
    from raylocus.provenance import Provenance


def run(arguments: Sequence[str]) -> int:
    """Writes a reports file of a DeepMIMO scenario's receivers, or of a table of tokens."""
    parser = verb_parser("dataset import", "Make a reports file of a DeepMIMO 4 scenario or a Parquet table.")
    parser.add_argument(
        "source", type=Path, help="scenario folder (params.json and its matrices), or tokens.parquet"
    )
    parser.add_argument("--out", type=Path, required=True, help="reports file, such as reports.zarr")
    parser.add_argument("--severity", type=float | None, default=None,
                        help="of a scenario's law of observation; left out, nothing is added to the paths")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the observation's chance")
    given = parser.parse(arguments)
    from raylocus.network.report_store import save_reports

    if given.source.suffix == ".parquet":
        reports, provenance = _table(given.source)
        told = f"{len(reports)} sequences"
    else:
        reports, provenance, told = _scenario(given.source, given.severity, given.seed)
    save_reports(reports, given.out, provenance)
    print(f"{given.out} written: {told}")
    return 0


def _table(source: Path) -> tuple[Reports, Provenance]:
    from raylocus.network.parquet import load_parquet
    from raylocus.provenance import Provenance, hash_file

    reports = load_parquet(source)
    return reports, Provenance.collect({"table": source.name}, None, {source.name: hash_file(source)})


def _scenario(source: Path, severity: float | None, seed: int) -> tuple[Reports, Provenance, str]:
    from raylocus.datasets.exchange.deepmimo_import import PLAIN, import_scenario, scenario_provenance
    from raylocus.network.configuration import NetworkConfiguration

    observation = PLAIN if severity is None else NetworkConfiguration().at_severity(severity)
    found = import_scenario(source, observation, seed)
    cells = "one cell a transmitter, which radiates evenly" if found.isotropic else "its own cells"
    told = f"{len(found.reports)} receivers, {len(found.deployment.sites)} sites, {cells}"
    return found.reports, scenario_provenance(source, found, observation, seed), told
