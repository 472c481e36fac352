"""`Measurements`: the one table that every format of log is read to, before a place is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from raylocus.ragged import Columns
from raylocus.units import timing_advance_step

#: The names that `Measurements.technology` has, with what logs write, in the order in which they are tried.
TECHNOLOGIES = {
    "NB-IoT": r"NB-?_?IOT|LTE-?NB|CAT-?NB",
    "LTE": r"LTE|4G|E-?UTRA|EUTRAN",
    "NR": r"NR|5G|NGRAN|EN-?DC",
    "UMTS": r"UMTS|WCDMA|HSPA|HSDPA|HSUPA|3G|TD-?SCDMA",
    "CDMA": r"CDMA|EV-?DO|1XRTT",
    "GSM": r"GSM|EDGE|GPRS|2G",
}
#: Those whose cells have a PCI, and can be in a place.
LOCATED = ("LTE", "NB-IoT", "NR")
#: Bits of an E-UTRAN cell identity that number the cell within its eNB (TS 36.413 §9.2.1.38).
CELL_BITS = 8
#: Highest E-UTRAN cell identity, 28 bits.
HIGHEST_ECI = 2**28 - 1
#: EARFCNs end below (TS 36.101 §5.7.3), and downlinks of NR begin above (TS 38.104 Table 5.4.2.3-1).
BETWEEN_CHANNELS = 100_000
#: RSRP of ASU 0 in Android's LTE and NR [dBm] (CellSignalStrengthLte.getAsuLevel); ASU ends at 97.
ASU_ZERO, LAST_ASU = -140.0, 97.0


def technologies_of(texts: Shaped[np.ndarray, " row"]) -> Shaped[np.ndarray, " row"]:
    """The technology that each text names; a text of none of them stays as it is."""
    known = {text: _technology(text) for text in np.unique(texts).tolist()}
    return np.array([known[text] for text in texts.tolist()], np.str_)


def _technology(text: str) -> str:
    for name, pattern in TECHNOLOGIES.items():
        if re.search(rf"(?<![A-Z])(?:{pattern})(?![A-Z])", text.upper()):
            return name
    return text


def anchored(measured: Measurements) -> tuple[Measurements, int]:
    """Rows that a phone calls 5G and that have an EARFCN are of the LTE cell of EN-DC; and how many there were."""
    of_lte = (measured.technology == "NR") & (measured.channel < BETWEEN_CHANNELS)
    technology = np.where(of_lte, "LTE", measured.technology)
    return replace(measured, technology=technology), int(np.count_nonzero(of_lte))


def whole_identity(
    cell: Float[np.ndarray, " row"],
    site: Float[np.ndarray, " row"],
    technology: Shaped[np.ndarray, " row"],
) -> Float[np.ndarray, " row"]:
    """Cell identities, those of LTE that number the cell within its eNB alone put together with the eNB's."""
    within = (technology != "NR") & (cell >= 0) & (cell < 2**CELL_BITS) & (site >= 0)
    return np.where(within, site * 2**CELL_BITS + cell, cell)


def enb_identity(
    cell: Float[np.ndarray, " row"], technology: Shaped[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """eNB identity of E-UTRAN cell identities, NaN elsewhere: a gNB's share of an NR cell identity is not fixed."""
    of_lte = np.isin(technology, ("LTE", "NB-IoT")) & (cell >= 0) & (cell <= HIGHEST_ECI)
    return np.where(of_lte, np.floor_divide(cell, 2**CELL_BITS), np.nan)


def advance_of_steps(steps: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """Round-trip seconds of LTE's timing advance, in steps of 16 Ts (TS 36.213 §4.2.3); negative ones are no value."""
    return np.where(steps >= 0, steps, np.nan) * timing_advance_step(0)


def level_of_signal(signal: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """RSRP [dBm] of a signal in ASU (from 0 to 97) or dBm (below 0)."""
    asu = (signal >= 0) & (signal <= LAST_ASU)
    return np.where(asu, signal + ASU_ZERO, np.where(signal < 0, signal, np.nan))


#: Fields of text; those where a log says nothing are empty.
TEXTS = ("device", "scan", "technology", "operator")


@dataclass(frozen=True)
class Measurements(Columns):
    """One row a cell that one device heard at one time. What a log does not say is NaN or an empty text."""

    device: Shaped[np.ndarray, " row"]
    """Text that distinguishes one device or run from another."""
    scan: Shaped[np.ndarray, " row"]
    """Text that ties the cells of one scan of a device; empty where rows of one time are one scan."""
    technology: Shaped[np.ndarray, " row"]
    """One of `technologies.TECHNOLOGIES`; empty where unknown."""
    operator: Shaped[np.ndarray, " row"]
    """MCC and MNC as `244-91`; empty where unknown."""
    time: Float[np.ndarray, " row"]
    """Seconds since 1970, in UTC or in the log's one clock."""
    channel: Float[np.ndarray, " row"]
    """Downlink EARFCN (TS 36.101 §5.7.3) or NR-ARFCN (TS 38.104 §5.4.2.1)."""
    pci: Float[np.ndarray, " row"]
    """Physical cell identity; the narrowband one (NPCI) of NB-IoT."""
    site_identity: Float[np.ndarray, " row"]
    """eNB identity, 20 bits (TS 36.413 §9.2.1.37), or gNB identity (TS 38.413 §9.3.1.6)."""
    cell_identity: Float[np.ndarray, " row"]
    """E-UTRAN cell identity, 28 bits, or NR cell identity, 36 bits (TS 23.003 §19.6)."""
    rsrp: Float[np.ndarray, " row"]
    """RSRP, SS-RSRP or NRSRP [dBm]."""
    rsrq: Float[np.ndarray, " row"]
    """RSRQ, SS-RSRQ or NRSRQ [dB]."""
    sinr: Float[np.ndarray, " row"]
    """SINR, SS-SINR or NSINR [dB]."""
    rssi: Float[np.ndarray, " row"]
    """RSSI [dBm]."""
    timing_advance: Float[np.ndarray, " row"]
    """Timing advance, round trip [s]."""
    time_of_arrival: Float[np.ndarray, " row"]
    """Time of arrival by a receiver's own clock [s], within a frame."""
    serving: Bool[np.ndarray, " row"]
    """Whether the log marks the cell as the serving one."""
    latitude: Float[np.ndarray, " row"]
    """Truth for evaluation only: WGS84 latitude of the device [degrees]."""
    longitude: Float[np.ndarray, " row"]
    """Truth for evaluation only: WGS84 longitude of the device [degrees]."""

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, count: int, **columns: Any) -> Measurements:
        """Rows of some columns; all others are unknown.

        Args:
            count: number of rows.
            columns: fields by name, arrays or one value for every row.
        """
        return cls(**{name: _column(name, count, columns) for name in cls.names()})


@dataclass(frozen=True)
class ReadLog:
    """What a log file holds."""

    measurements: Measurements
    rows: int
    """Rows, or heard cells, in the file, the unusable ones included."""
    refused: Mapping[str, int]
    """Rows that are in the file and not in the table, by reason."""
    notes: Mapping[str, int]
    """Single values that were left out or converted, by what was done."""


def _column(name: str, count: int, columns: Mapping[str, Any]) -> np.ndarray:
    kind, missing = (
        (np.str_, "") if name in TEXTS else (bool, False) if name == "serving" else (float, np.nan)
    )
    return np.array(np.broadcast_to(np.asarray(columns.get(name, missing)).astype(kind), count))
