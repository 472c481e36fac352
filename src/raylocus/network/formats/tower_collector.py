"""Tower Collector's CSV (CsvExportFormatter.java): one row a cell, rows of one measurement share `measured_at`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.log_times import seconds_of_texts
from raylocus.network.formats.measurements import Measurements, ReadLog
from raylocus.network.formats.technologies import advance_of_steps, enb_identity, technologies_of
from raylocus.network.formats.text_table import joined


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
