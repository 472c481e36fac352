"""OpenCelliD's upload CSV (CsvUploadFormatter.java) and its older order of columns; `signal` is ASU or dBm."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.log_times import seconds_of_texts
from raylocus.network.formats.measurements import Measurements, ReadLog
from raylocus.network.formats.technologies import (
    advance_of_steps,
    enb_identity,
    level_of_signal,
    technologies_of,
)
from raylocus.network.formats.text_table import joined


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
