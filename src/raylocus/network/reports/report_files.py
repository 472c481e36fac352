"""Files of reports that a user names, raylocus's own store or anyone's Parquet table: read, checked and repaired."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import StoreError
from raylocus.network.reports.report_checks import check_reports, repaired_reports
from raylocus.network.reports.report_store import load_reports
from raylocus.network.reports.report_table import ReportTable, read_report_table
from raylocus.network.reports.reports import Reports
from raylocus.scenes.foreign_files import absence, archive, deepmimo_folder, parquet_parts

#: How a Parquet file begins.
_PARQUET = b"PAR1"
#: What is read, for those whose file is something else.
FORMS = (
    "reports are read from a reports file of raylocus (a folder such as reports.zarr) and from a Parquet table with "
    "one row a cell; docs/reports.md says which columns it has and how to make one of a phone's log"
)


def read_reports(path: Path) -> ReportTable:
    """Reads a file of reports of any known form, unchecked, see `report_checks.check_reports`.

    Raises:
        StoreError: the path is absent or something else; the message says what, and what is read.
    """
    if is_table(path):
        return read_report_table(path)
    if (missing := absence(path)) is not None:
        raise StoreError(f"{path} does not exist: {missing}")
    if (refusal := archive(path) or parquet_parts(path)) is not None:
        raise StoreError(refusal)
    if (kind := deepmimo_folder(path)) is not None:
        raise StoreError(f"{path} is a {kind} scenario and no file of reports; {_import_advice(kind)}")
    if path.is_file():
        raise StoreError(f"{path} is no file of reports; {FORMS}")
    return ReportTable(load_reports(path), ())


def is_table(path: Path) -> bool:
    """Whether a path is, or by its name would be, a Parquet table."""
    if not path.is_file():
        return path.suffix == ".parquet" and not path.is_dir()
    with path.open("rb") as file:
        return path.suffix == ".parquet" or file.read(len(_PARQUET)) == _PARQUET


def _import_advice(kind: str) -> str:
    if kind == "DeepMIMO 3":
        return "convert it with DeepMIMO 4 first"
    return "make one of it with raylocus dataset import"


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
