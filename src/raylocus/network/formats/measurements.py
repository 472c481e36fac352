"""`Measurements`: the one table that every format of log is read to, before a place is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

#: Fields of text; those where a log says nothing are empty.
TEXTS = ("device", "scan", "technology", "operator")


@dataclass(frozen=True)
class Measurements:
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
        return cls(**{each.name: _column(each.name, count, columns) for each in fields(cls)})

    def select(self, rows: Shaped[np.ndarray, " selected"]) -> Measurements:
        """Some of the rows, by mask or by index in that order."""
        return Measurements(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence[Measurements]) -> Measurements:
        """The rows of all parts; there must be at least one part."""
        names = [each.name for each in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


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
