"""Files of reports that a user names, raylocus's own store or anyone's Parquet table: read, checked and repaired."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from raylocus.errors import StoreError
from raylocus.network.reports.features import CRITICAL, SCHEMA, features_named
from raylocus.network.reports.report_checks import check_reports, repaired_reports
from raylocus.network.reports.report_table import read_report_table
from raylocus.network.reports.reports import OFFSETS, REPORT_FIELDS, TOKEN_FIELDS, NotedReports, Reports
from raylocus.provenance import Provenance
from raylocus.scenes.foreign_files import absence, archive, deepmimo_folder, parquet_parts
from raylocus.storage import readable
from raylocus.xarray_store import load_dataset, save_dataset

#: Version of a reports file.
REPORTS_SCHEMA = "raylocus.reports.v1"

_COLUMNS = OFFSETS | REPORT_FIELDS | TOKEN_FIELDS
#: Kinds of numbers that each column may hold.
COLUMN_KINDS = {
    "time": "f", "position": "f", "line_of_sight": "f",
    "pci": "iu", "technology": "iu", "channel": "iu", "identity": "iu",
    "serving": "b", "beam": "iu", "features": "f", "censored": "iu",
}  # fmt: skip
_TRAILING = {"position": ("axis",), "features": ("feature",), "censored": ("feature",)}


def reports_to_dataset(reports: Reports) -> xr.Dataset:
    """Reports as an xarray dataset: ragged offsets and columns over (report,) and (token,)."""
    rows = {"report_offsets": "sample_plus_1", "token_offsets": "report_plus_1"}
    rows |= dict.fromkeys(REPORT_FIELDS, "report") | dict.fromkeys(TOKEN_FIELDS, "token")
    variables = {
        name: (
            (rows[name], *_TRAILING.get(name, ())),
            getattr(reports, name),
            {"units": unit, "long_name": text},
        )
        for name, (unit, text) in _COLUMNS.items()
    }
    return xr.Dataset(
        variables,
        attrs={
            "feature_names": list(reports.feature_names),
            "feature_units": [feature.unit for feature in features_named(reports.feature_names)],
            "absent_features": [list(pair) for pair in reports.absent],
        },
    )


def reports_from_dataset(dataset: xr.Dataset, source: Path) -> Reports:
    """The reports of a dataset that `reports_to_dataset` made, read from `source`.

    Raises:
        StoreError: the dataset has other features or lacks a column.
    """
    names = tuple(dataset.attrs.get("feature_names", ()))
    known = {feature.name for feature in SCHEMA}
    if names[: len(CRITICAL)] != CRITICAL or not known.issuperset(names):
        raise StoreError(
            f"{source} holds other report features than this version of raylocus; build it again"
        )
    lacking = [name for name in _COLUMNS if name not in dataset]
    if lacking:
        raise StoreError(f"{source} has no column {lacking[0]!r}; build it again")
    absent = tuple((str(name), str(reason)) for name, reason in dataset.attrs.get("absent_features", ()))
    columns = {name: np.asarray(dataset[name].values) for name in _COLUMNS}
    _check_columns(columns, len(names), source)
    return Reports(**columns, feature_names=names, absent=absent)


def save_reports(reports: Reports, path: Path, provenance: Provenance) -> None:
    """Writes a reports file whole.

    Raises:
        StorageFullError: the disk filled up.
    """
    dataset = reports_to_dataset(reports).assign_attrs(provenance=provenance.to_json())
    save_dataset(dataset, path, REPORTS_SCHEMA)


def load_reports(path: Path | str) -> Reports:
    """Reads a file of reports of any known form, checked and repaired as every command does.

    What was repaired is said by `checked_reports`.

    Raises:
        StoreError: there is no such file, it is truncated, of another schema version, or none of reports.
        InputError: values are not what reports can have.
    """
    return checked_reports(Path(path)).reports


def _check_columns(columns: Mapping[str, np.ndarray], width: int, source: Path) -> None:
    """Refuses columns that do not fit each other, with StoreError."""
    reports, tokens = columns["report_offsets"], columns["token_offsets"]
    sound = _rise(reports) and _rise(tokens) and int(reports[-1]) == len(tokens) - 1
    if not sound:
        raise StoreError(f"{source} has offsets that do not fit its reports; build it again")
    rows = dict.fromkeys(REPORT_FIELDS, len(tokens) - 1) | dict.fromkeys(TOKEN_FIELDS, int(tokens[-1]))
    widths = {"position": (3,), "features": (width,), "censored": (width,)}
    for name, kinds in COLUMN_KINDS.items():
        column, shape = columns[name], (rows[name], *widths.get(name, ()))
        if column.shape != shape or column.dtype.kind not in kinds:
            raise StoreError(
                f"{source} has the column {name!r} as {column.dtype} of the shape {column.shape} where {shape} is "
                "needed; build it again"
            )


def _rise(offsets: np.ndarray) -> bool:
    """Whether these are offsets: whole numbers from 0 that never fall."""
    whole = offsets.ndim == 1 and len(offsets) > 0 and offsets.dtype.kind in "iu"
    return whole and int(offsets[0]) == 0 and bool(np.all(offsets[1:] >= offsets[:-1]))


#: How a Parquet file begins.
_PARQUET = b"PAR1"
#: What is read, for those whose file is something else.
FORMS = (
    "reports are read from a reports file of raylocus (a folder such as reports.zarr) and from a Parquet table with "
    "one row a cell (docs/reports.md says which columns it has); raylocus reports import makes one of a phone's log"
)


def read_reports(path: Path) -> NotedReports:
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
        converted = "convert it with DeepMIMO 4 first"
        advice = converted if kind == "DeepMIMO 3" else "make one of it with raylocus dataset import"
        raise StoreError(f"{path} is a {kind} scenario and no file of reports; {advice}")
    place = any((path / name).is_file() for name in ("place.json", "area.json"))
    if place or path.is_file():
        raise StoreError(f"{path} is {'a place and ' if place else ''}no file of reports; {FORMS}")
    dataset = load_dataset(path, REPORTS_SCHEMA)
    with readable(path):
        return NotedReports(reports_from_dataset(dataset, path), ())


def is_table(path: Path) -> bool:
    """Whether a path is, or by its name would be, a Parquet table."""
    if not path.is_file():
        return path.suffix == ".parquet" and not path.is_dir()
    with path.open("rb") as file:
        return path.suffix == ".parquet" or file.read(len(_PARQUET)) == _PARQUET


def checked_reports(path: Path) -> NotedReports:
    """Reads a file of reports of any known form.

    Raises:
        StoreError: there is no such file, or it is none of reports.
        InputError: values are not what reports can have.
    """
    table = read_reports(path)
    check_reports(table.reports, path)
    repaired = repaired_reports(table.reports)
    return NotedReports(repaired.reports, table.notes + repaired.notes)
