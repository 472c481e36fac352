"""G-NetTrack Pro: the text export (tab-separated, with or without its header) and the older CSV.

The serving cell alone: the neighbour's level of the older CSV (NRxRSRP) comes without an identity.
"""

from __future__ import annotations

import codecs
import re
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.network.formats.log_format import LogFile, TextTable, read_text_table
from raylocus.network.formats.log_values import POINTS, seconds_of_texts
from raylocus.network.formats.measurements import (
    Measurements,
    ReadLog,
    enb_identity,
    technologies_of,
    whole_identity,
)

#: Columns of the text export that are read, by their place; the others are passed over.
PLACES = {
    0: "Timestamp", 1: "Longitude", 2: "Latitude", 4: "Operatorname", 5: "MCCMNC", 6: "CGI", 8: "Node", 9: "CellID",
    11: "NetworkTech", 12: "NetworkMode", 13: "Level", 14: "Qual", 15: "SNR", 17: "LTERSSI", 18: "ARFCN", 53: "Device",
}  # fmt: skip
#: Columns of the text export that there are at least.
_LEAST = 19


class GNetTrack:
    """Logs of G-NetTrack Pro."""

    name: ClassVar[str] = "gnettrack"
    writer: ClassVar[str] = "G-NetTrack Pro, text or CSV"

    def recognises(self, file: LogFile) -> bool:
        """A column of its time with levels under one of its names, or its time in front of enough tabs."""
        old = file.has("Timestamp", "NetworkMode", "RSRP", "CellID")
        return old or file.has("Timestamp", "NetworkTech", "Level", "Qual") or _is_headless(file)

    def read(self, file: LogFile) -> ReadLog:
        """One row a line, of the serving cell."""
        table = _headless_table(file) if _is_headless(file) else file.table
        technology = technologies_of(table.texts("NetworkTech", "NetworkMode"))
        node = _node(table)
        cell = _cell(table)
        cell = np.where(np.isnan(cell), _by_node(table, node, technology), cell)
        node = np.where(np.isnan(cell), node, enb_identity(cell, technology))
        measured = Measurements.of(
            len(table),
            device=table.texts("Device"),
            technology=technology,
            operator=_operator(table),
            time=seconds_of_texts(table.texts("Timestamp"), file.path),
            channel=table.numbers("ARFCN"),
            pci=table.numbers("PCI", "PSC"),
            site_identity=node,
            cell_identity=cell,
            rsrp=table.numbers("Level", "RSRP"),
            rsrq=table.numbers("Qual", "RSRQ"),
            sinr=table.numbers("SNR"),
            rssi=table.numbers("LTERSSI", "RSSI"),
            serving=True,
            latitude=table.numbers("Latitude"),
            longitude=table.numbers("Longitude"),
        )
        return ReadLog(measured, table.rows, table.refused, table.notes)


def _operator(table: TextTable) -> Shaped[np.ndarray, " row"]:
    """MCC and MNC, with a slash in the log."""
    texts = table.texts("MCCMNC", "MCC/MNC").tolist()
    return np.array([text.replace("/", "-") for text in texts], np.str_)


def _cell(table: TextTable) -> Float[np.ndarray, " row"]:
    """Global cell identity: RAWCELLID, or the last part of CGI where the log numbers it whole."""
    raw = table.numbers("RAWCELLID")
    whole = np.array([_last(text) for text in table.texts("CGI").tolist()], float)
    return np.where(np.isnan(raw), whole, raw)


def _by_node(
    table: TextTable, node: Float[np.ndarray, " row"], technology: Shaped[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """Cell identity of the node and the cell's number in it; NaN where the log lacks one of them."""
    whole = whole_identity(table.numbers("CellID"), node, technology)
    return np.where((whole > 2**16) & (node >= 0), whole, np.nan)


def _last(cgi: str) -> float:
    """Cell identity of a CGI such as 24491-1234-87761409; NaN of a short one, which is no E-UTRAN cell identity."""
    digits = re.split(r"\D+", cgi)[-1]
    return float(digits) if len(digits) and int(digits) > 2**16 else np.nan


def _node(table: TextTable) -> Float[np.ndarray, " row"]:
    """eNB identity, in decimal or in the hexadecimal of the older CSV."""
    hexadecimal = [_hexadecimal(text) for text in table.texts("NODEHEX").tolist()]
    return np.where(np.isnan(table.numbers("Node")), np.array(hexadecimal, float), table.numbers("Node"))


def _hexadecimal(text: str) -> float:
    return float(int(text, 16)) if re.fullmatch(r"[0-9A-Fa-f]+", text) else np.nan


def _is_headless(file: LogFile) -> bool:
    first = file.head.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].decode("latin-1")
    return bool(re.match(POINTS, first)) and first.count("\t") >= _LEAST - 1


def _headless_table(file: LogFile) -> TextTable:
    width = file.head.split(b"\n", 1)[0].count(b"\t") + 1
    return read_text_table(file.path, tuple(PLACES.get(place, f"column {place}") for place in range(width)))
