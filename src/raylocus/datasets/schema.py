"""The arrays of a dataset store: their names, types and meaning."""

from __future__ import annotations

from collections.abc import Sequence

from raylocus.datasets.columns import Encoding, StoredColumn
from raylocus.datasets.splits import SPLITS
from raylocus.network.reports.features import ReportFeature

#: Version of a dataset store.
DATASET_SCHEMA = "raylocus.dataset.v2"


def _fixed(
    name: str, rows: str, dtype: str, meaning: str, units: str = "1", classes: Sequence[str] = ()
) -> StoredColumn:
    named = {"classes": list(classes)} if classes else {}
    return StoredColumn(name, (rows,), dtype, {"units": units, "long_name": meaning} | named)


#: Columns that are the same in every dataset. Offsets have one row more than what they point from.
FIXED_COLUMNS = (
    _fixed("report_offsets", "sample_plus_1", "int64", "first report of each sequence, and the end"),
    _fixed("split", "sample", "int8", "index into classes; -1 for none of them", classes=SPLITS),
    _fixed("place_index", "sample", "int32", "index into the places"),
    _fixed("world_index", "sample", "int32", "index into the planned worlds"),
    _fixed(
        "start_time", "sample", "float64", "when the sequence starts, after the dataset's first midnight", "s"
    ),
    _fixed("token_offsets", "report_plus_1", "int64", "first token of each report, and the end"),
    _fixed("pci", "token", "int16", "physical cell identity"),
    _fixed("technology", "token", "int8", "1 NR, 2 LTE, 3 NB-IoT, 0 unknown"),
    _fixed("channel", "token", "int32", "downlink EARFCN or NR-ARFCN; -1 unknown"),
    _fixed("identity", "token", "int64", "E-UTRAN or NR cell identity; -1 unknown"),
    _fixed("serving", "token", "bool", "whether the token is of the serving cell"),
    _fixed("beam", "token", "int16", "SSB index; -1 for the token of a whole cell"),
)
#: Whole numbers that name the cell of a token.
TOKEN_NUMBERS = ("pci", "technology", "channel", "identity", "beam")
#: Columns of reports that are stored as the survey finds best.
REPORT_NUMBERS = {
    "time": ("s", "time since the sequence's first report", 0.0),
    "position": ("m", "true UE antenna position in the place's frame", 0.0),
    "line_of_sight": ("1", "1 where the serving site is in line of sight, 0 where not", 1.0),
}


def report_column(name: str, encoding: Encoding) -> StoredColumn:
    """One of `REPORT_NUMBERS`."""
    units, meaning, _ = REPORT_NUMBERS[name]
    axes, trailing = (("report", "axis"), (3,)) if name == "position" else (("report",), ())
    return _encoded(StoredColumn(name, axes, "", {"units": units, "long_name": meaning}, trailing), encoding)


def feature_column(feature: ReportFeature, encoding: Encoding) -> StoredColumn:
    """The column of a report feature."""
    attributes = {
        "units": feature.unit,
        "long_name": feature.meaning,
        "report_step": feature.step,
        "clause": feature.clause,
    }
    return _encoded(StoredColumn(feature_name(feature.name), ("token",), "", attributes), encoding)


def censored_column(features: Sequence[ReportFeature]) -> StoredColumn:
    """Which values lie outside their report range, for all features."""
    attributes = {
        "units": "1",
        "long_name": "-1 below the report range, 1 above it, 0 inside or missing",
        "features": [feature.name for feature in features],
    }
    return StoredColumn("censored", ("token", "feature"), "int8", attributes, (len(features),))


def feature_name(name: str) -> str:
    """The array that holds a feature."""
    return f"feature_{name}"


def _encoded(column: StoredColumn, encoding: Encoding) -> StoredColumn:
    return StoredColumn(
        column.name,
        column.dimensions,
        encoding.dtype,
        column.attributes | encoding.attributes,
        column.trailing,
        fill=float("nan") if encoding.missing is None else encoding.missing,
    )
