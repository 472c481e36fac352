"""What both verbs of calibration read: reports of a place, carrier by carrier, and the severity that is expected."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from raylocus.cli.console import VerbParser

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from raylocus.calibration.labelled_calibration import CalibrationLaw
    from raylocus.network.reports.reports import Reports
    from raylocus.propagation.maps.traced_place import TracedPlace


def add_input(parser: VerbParser) -> None:
    """Arguments that both verbs have."""
    parser.add_argument("reports", type=Path, help="reports file such as reports.zarr, or a Parquet table")
    parser.add_argument(
        "--place", type=Path, required=True, help="traced place folder the reports were made in"
    )
    parser.add_argument(
        "--severity",
        type=float,
        default=1.0,
        help="of the law that priors are taken from; 1: as wrong as the field",
    )
    parser.add_argument(
        "--positions", type=bool, default=True, help="whether the positions of the reports are used where there are any"
    )
    parser.add_argument(
        "--silence", type=bool, default=True, help="whether cells that are not reported say anything"
    )


def read_input(given: Namespace) -> tuple[Reports, TracedPlace, CalibrationLaw, list[str]]:
    """Reports, place, law and notes."""
    from raylocus.calibration.labelled_calibration import CalibrationLaw
    from raylocus.network.reports.report_checks import check_reports, repaired_reports
    from raylocus.network.reports.report_files import read_reports
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.scenes.world import WorldLaw

    law = CalibrationLaw(world=WorldLaw(severity=given.severity), silence=given.silence)
    place, table = open_place(given.place), read_reports(given.reports)
    check_reports(table.reports, given.reports)
    repaired = repaired_reports(table.reports)
    reports = repaired.reports if given.positions else without_positions(repaired.reports)
    return reports, place, law, [*table.notes, *repaired.notes]


def without_positions(reports: Reports) -> Reports:
    """Reports whose positions are not known."""
    import numpy as np

    return dataclasses.replace(reports, position=np.full_like(reports.position, np.nan))
