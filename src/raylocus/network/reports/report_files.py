"""Files of reports that a user names: raylocus's own store, or a Parquet table of anyone's."""

from __future__ import annotations

from pathlib import Path

from raylocus.errors import StoreError
from raylocus.network.reports.report_store import load_reports
from raylocus.network.reports.report_table import ReportTable, read_report_table
from raylocus.scenes.foreign_files import absence, archive, deepmimo_folder

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
    if (packed := archive(path)) is not None:
        raise StoreError(packed)
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
