"""`raylocus network explain`: one report as an engineer reads a trace."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.console import verb_parser


def run_network_explain(arguments: Sequence[str]) -> int:
    """Prints one report of a reports file."""
    from rich.console import Console

    from raylocus.errors import InputError
    from raylocus.network.reports.explain import explain_trace
    from raylocus.network.reports.report_checks import check_reports
    from raylocus.network.reports.report_files import read_reports

    parser = verb_parser("network explain", "Print one report as an engineer reads a trace.")
    parser.add_argument("reports", type=Path, help="reports file: a zarr store or a .parquet table")
    parser.add_argument("--sequence", type=int, default=0, help="which UE")
    parser.add_argument("--report", type=int, default=-1, help="which of its reports; -1 is the last")
    given = parser.parse(arguments)
    reports = read_reports(given.reports).reports
    if not 0 <= given.sequence < len(reports):
        raise InputError(f"{given.reports} has no UE {given.sequence}; it has 0 to {len(reports) - 1}")
    first, end = (int(each) for each in reports.report_offsets[given.sequence : given.sequence + 2])
    count = end - first
    if not -count <= given.report < count:
        raise InputError(f"UE {given.sequence} has no report {given.report}; it has 0 to {count - 1}")
    Console().print(explain_trace(reports, first + given.report % count))
    try:
        check_reports(reports, given.reports)
    except InputError as error:
        # Whoever looks into a trace wants to see what is wrong with it.
        print(f"note: {error}", file=sys.stderr)
    return 0
