"""CellMapper's CSV. It has no time: rows in a row at one position are one scan, and every scan stands alone."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.network.formats.log_format import LogFile
from raylocus.network.formats.measurements import Measurements, ReadLog
from raylocus.network.formats.technologies import enb_identity, level_of_signal, technologies_of
from raylocus.network.formats.text_table import joined


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
