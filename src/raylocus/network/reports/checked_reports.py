"""Reports files that a user names, read, checked and repaired in one step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raylocus.network.reports.report_checks import check_reports, repaired_reports
from raylocus.network.reports.report_files import read_reports
from raylocus.network.reports.reports import Reports


@dataclass(frozen=True)
class CheckedReports:
    """Reports that can be used, and what was done to them."""

    reports: Reports
    notes: tuple[str, ...]


def checked_reports(path: Path) -> CheckedReports:
    """Reads a file of reports of any known form.

    Raises:
        StoreError: there is no such file, or it is none of reports.
        InputError: values are not what reports can have.
    """
    table = read_reports(path)
    check_reports(table.reports, path)
    repaired = repaired_reports(table.reports)
    return CheckedReports(repaired.reports, table.notes + repaired.notes)
