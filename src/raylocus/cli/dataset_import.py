"""`raylocus dataset import`: a DeepMIMO scenario as a reports file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.parsing import verb_parser


def run(arguments: Sequence[str]) -> int:
    """Observes the receivers of a scenario and writes their reports."""
    parser = verb_parser("dataset import", "Observe a DeepMIMO 4 scenario and write the reports.")
    parser.add_argument("scenario", type=Path, help="scenario folder: params.json and its .npz or .mat files")
    parser.add_argument("--out", type=Path, required=True, help="reports file, such as reports.zarr")
    parser.add_argument("--severity", type=float | None, default=None,
                        help="of the law of observation; left out, nothing is added to the paths")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the observation's chance")
    given = parser.parse(arguments)
    from raylocus.datasets.exchange.deepmimo_import import PLAIN, import_scenario, scenario_provenance
    from raylocus.network.impairments import ObservationConfiguration
    from raylocus.network.report_store import save_reports

    usual = ObservationConfiguration()
    observation = PLAIN if given.severity is None else usual.at_severity(given.severity)
    found = import_scenario(given.scenario, observation, given.seed)
    provenance = scenario_provenance(given.scenario, found, observation, given.seed)
    save_reports(found.reports, given.out, provenance)
    cells = "one cell a transmitter, which radiates evenly" if found.isotropic else "its own cells"
    sites = len(found.deployment.sites)
    print(f"{given.out} written: {len(found.reports)} receivers, {sites} sites, {cells}")
    return 0
