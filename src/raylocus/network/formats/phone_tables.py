"""CSV tables of apps that map cells: CellMapper, OpenCelliD (CsvUploadFormatter.java), Tower Collector."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.network.formats.log_format import LogFile, joined
from raylocus.network.formats.log_values import seconds_of_texts
from raylocus.network.formats.measurements import (
    Measurements,
    ReadLog,
    advance_of_steps,
    enb_identity,
    level_of_signal,
    technologies_of,
)


class CellMapper:
    """Exports of CellMapper."""

    name: ClassVar[str] = "cellmapper"
    writer: ClassVar[str] = "CellMapper, CSV"

    def recognises(self, file: LogFile) -> bool:
        """Its columns of cell, level and band."""
        return file.has("latitude", "longitude", "MCC", "MNC", "CID", "signal", "type", "subtype")

    def read(self, file: LogFile) -> ReadLog:
        """One row a line; none is marked as serving."""
        table = file.table
        technology = technologies_of(table.texts("type"))
        cell = table.numbers("CID")
        latitude, longitude = table.numbers("latitude"), table.numbers("longitude")
        scan = scans_by_position(latitude, longitude)
        measured = Measurements.of(
            len(table),
            device=scan,
            scan=scan,
            technology=technology,
            operator=joined(table.texts("MCC"), table.texts("MNC")),
            time=0.0,
            channel=table.numbers("ARFCN"),
            pci=table.numbers("PSC"),
            site_identity=enb_identity(cell, technology),
            cell_identity=cell,
            rsrp=level_of_signal(table.numbers("signal")),
            latitude=latitude,
            longitude=longitude,
        )
        return ReadLog(measured, table.rows, table.refused, table.notes)


def scans_by_position(
    latitude: Float[np.ndarray, " row"], longitude: Float[np.ndarray, " row"]
) -> Shaped[np.ndarray, " row"]:
    """A text for each run of rows at one position, for logs that have no time."""
    fresh = np.ones(len(latitude), bool)
    fresh[1:] = (np.diff(latitude) != 0) | (np.diff(longitude) != 0)
    return np.char.add("point-", np.cumsum(fresh).astype(np.str_))


class OpenCellId:
    """Measurements as OpenCelliD takes them."""

    name: ClassVar[str] = "opencellid"
    writer: ClassVar[str] = "measurements for OpenCelliD, CSV"

    def recognises(self, file: LogFile) -> bool:
        """Its columns of a measurement; a list of cells has no `measured_at`."""
        return file.has("lat", "lon", "mcc", "mnc", "cellid", "signal", "measured_at", "act")

    def read(self, file: LogFile) -> ReadLog:
        """One row a line; none is marked as serving, since the file does not say."""
        table = file.table
        technology = technologies_of(table.texts("act"))
        cell, signal = table.numbers("cellid"), table.numbers("signal")
        operator = joined(table.texts("mcc"), table.texts("mnc"))
        measured = Measurements.of(
            len(table),
            device=table.texts("devn"),
            technology=technology,
            operator=operator,
            time=seconds_of_texts(table.texts("measured_at"), file.path),
            pci=table.numbers("pci", "psc"),
            site_identity=enb_identity(cell, technology),
            cell_identity=cell,
            rsrp=level_of_signal(signal),
            timing_advance=np.where(technology == "LTE", advance_of_steps(table.numbers("ta")), np.nan),
            latitude=table.numbers("lat"),
            longitude=table.numbers("lon"),
        )
        converted = Counter({"signals in ASU, read as ASU - 140 dBm": int(np.count_nonzero(signal >= 0))})
        return ReadLog(measured, table.rows, table.refused, table.notes + converted)


class TowerCollector:
    """Exports of Tower Collector."""

    name: ClassVar[str] = "tower-collector"
    writer: ClassVar[str] = "Tower Collector, CSV"

    def recognises(self, file: LogFile) -> bool:
        """Columns that no other export of the OpenCelliD family has."""
        return file.has("measured_at", "net_type", "neighboring", "cell_id", "dbm")

    def read(self, file: LogFile) -> ReadLog:
        """One row a line; a cell that is no neighbour is the serving one."""
        table = file.table
        technology = technologies_of(table.texts("net_type"))
        cell = table.numbers("cell_id")
        operator = joined(table.texts("mcc"), table.texts("mnc"))
        measured = Measurements.of(
            len(table),
            device=table.texts("device"),
            technology=technology,
            operator=operator,
            time=seconds_of_texts(table.texts("measured_at"), file.path),
            channel=table.numbers("arfcn"),
            pci=table.numbers("psc"),
            site_identity=enb_identity(cell, technology),
            cell_identity=cell,
            rsrp=table.numbers("rsrp", "ss_rsrp", "csi_rsrp", "dbm"),
            rsrq=table.numbers("rsrq", "ss_rsrq", "csi_rsrq"),
            sinr=table.numbers("rssnr", "ss_sinr", "csi_sinr"),
            rssi=table.numbers("rssi"),
            timing_advance=np.where(technology == "LTE", advance_of_steps(table.numbers("ta")), np.nan),
            serving=~table.truths("neighboring"),
            latitude=table.numbers("lat"),
            longitude=table.numbers("lon"),
        )
        return ReadLog(measured, table.rows, table.refused, table.notes)
