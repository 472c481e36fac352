"""Android Network Survey: its CSV files and its GeoPackage; `groupNumber` ties the cells of one scan.

Columns: the app's *CsvConstants and *MessageConstants classes. Timing advance is in LTE's steps of 16 Ts, and of NR
in microseconds (Android's CellSignalStrengthNr.getTimingAdvanceMicros).
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
from jaxtyping import Shaped

from raylocus.errors import InputError
from raylocus.network.formats.log_format import LogFile, TextTable, joined, text_table
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import Measurements, ReadLog, advance_of_steps, enb_identity

#: Tables of the GeoPackage by technology.
LAYERS = {
    "LTE_MESSAGE": "LTE", "NR_MESSAGE": "NR", "GSM_MESSAGE": "GSM", "UMTS_MESSAGE": "UMTS", "CDMA_MESSAGE": "CDMA",
}  # fmt: skip
#: Columns of which one names the technology of a CSV file.
_TELLING = {"nci": "NR", "narfcn": "NR", "eci": "LTE", "earfcn": "LTE", "uarfcn": "UMTS", "bsic": "GSM"}
_SQLITE = b"SQLite format 3\x00"


class NetworkSurvey:
    """CSV files of Android Network Survey, one technology each."""

    name: ClassVar[str] = "network-survey"
    writer: ClassVar[str] = "Android Network Survey, CSV"

    def recognises(self, file: LogFile) -> bool:
        """The columns that all its cellular files have."""
        return file.has("deviceSerialNumber", "deviceTime", "groupNumber", "servingCell")

    def read(self, file: LogFile) -> ReadLog:
        """One row a cell of a scan."""
        technology = next((name for column, name in _TELLING.items() if file.has(column)), "")
        measured = _measurements(file.table, technology, file)
        return ReadLog(measured, file.table.rows, file.table.refused, file.table.notes)


class NetworkSurveyGeoPackage:
    """The GeoPackage of Android Network Survey, all technologies in one file."""

    name: ClassVar[str] = "network-survey-gpkg"
    writer: ClassVar[str] = "Android Network Survey, GeoPackage"

    def recognises(self, file: LogFile) -> bool:
        """A GeoPackage with one of its tables."""
        return file.head.startswith(_SQLITE) and bool(_layers(file))

    def read(self, file: LogFile) -> ReadLog:
        """One row a record, whatever its table."""
        layers = _layers(file)
        if not layers:
            raise InputError(
                f"{file.path} has none of the tables {', '.join(LAYERS)} of Android Network Survey"
            )
        tables = [_layer(file, layer) for layer in layers]
        parts = [
            _measurements(table, LAYERS[layer], file) for table, layer in zip(tables, layers, strict=True)
        ]
        notes = sum((table.notes for table in tables), Counter[str]())
        rows = sum(table.rows for table in tables)
        return ReadLog(Measurements.concatenate(parts), rows, {}, notes)


def _layers(file: LogFile) -> list[str]:
    import geopandas

    if not file.head.startswith(_SQLITE):
        return []
    try:
        found = set(geopandas.list_layers(file.path)["name"])
    except Exception as error:  # GDAL's readers raise many kinds
        raise InputError(f"{file.path} is no GeoPackage that can be opened; export it again") from error
    return [layer for layer in LAYERS if layer in found]


def _layer(file: LogFile, layer: str) -> TextTable:
    import geopandas

    frame = geopandas.read_file(file.path, layer=layer)
    if "geometry" in frame:
        points = frame.geometry
        frame = frame.drop(columns="geometry").assign(latitude=points.y, longitude=points.x)
    return text_table(frame, len(frame))


def _measurements(table: TextTable, technology: str, file: LogFile) -> Measurements:
    cell = table.numbers("eci", "nci")
    named = np.full(len(table), technology)
    advance = table.numbers("ta")
    microseconds = np.where(advance >= 0, advance * 1e-6, np.nan)
    return Measurements.of(
        len(table),
        device=table.texts("deviceSerialNumber"),
        scan=_scan(table),
        technology=named,
        operator=joined(table.texts("mcc"), table.texts("mnc")),
        time=seconds_of_texts(table.texts("deviceTime", "Time"), file.path),
        channel=table.numbers("earfcn", "narfcn", "DL_EARFCN", "NRARFCN"),
        pci=table.numbers("pci", "Phys_Cell_ID"),
        site_identity=enb_identity(cell, named),
        cell_identity=cell,
        rsrp=table.numbers("rsrp", "ssRsrp", "csiRsrp"),
        rsrq=table.numbers("rsrq", "ssRsrq", "csiRsrq"),
        sinr=table.numbers("snr", "ssSinr", "csiSinr"),
        rssi=table.numbers("signalStrength"),
        timing_advance=microseconds if technology == "NR" else advance_of_steps(advance),
        serving=table.truths("servingCell"),
        latitude=table.numbers("latitude"),
        longitude=table.numbers("longitude"),
    )


def _scan(table: TextTable) -> Shaped[np.ndarray, " row"]:
    """Mission and group: group numbers restart with every mission."""
    group = table.texts("groupNumber")
    return np.where(group == "", "", joined(table.texts("missionId"), group))
