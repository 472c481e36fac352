"""Report mapping tables other than those of `Reports`' own columns: power, LTE, positioning levels and angles.

A table is a row of edges: index i holds [edge_i−1, edge_i), index 0 is below the first edge and the last
index at or above the last (TS 38.133 §10.1, §13). The two ends are censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class ReportTable:
    """One mapping table, as runs of equal bins."""

    name: str
    unit: str
    clause: str
    runs: tuple[tuple[float, float, int], ...]
    """(lower edge, step, number of bins) of each run of equal bins, ascending and touching."""

    @cached_property
    def edges(self) -> Float[np.ndarray, "edge"]:
        """Every edge, the last included."""
        starts = [low + step * np.arange(count) for low, step, count in self.runs]
        low, step, count = self.runs[-1]
        return np.concatenate([*starts, [low + step * count]])

    @property
    def last_code(self) -> int:
        """The index that means "at or above the range"."""
        return len(self.edges)

    def encode(self, values: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
        """Report index of values, which must not be NaN."""
        return np.searchsorted(self.edges, np.asarray(values, np.float64), side="right").astype(np.int64)

    def decode(self, codes: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Bin centre of an index; the end of the range at the two censored indices."""
        centres = (self.edges[1:] + self.edges[:-1]) / 2
        return np.concatenate([self.edges[:1], centres, self.edges[-1:]])[codes]

    def reported(
        self, values: Float[np.ndarray, "*shape"]
    ) -> tuple[Float[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
        """What the network reads of a report of these values, and −1, 0 or +1 where censored; NaN stays NaN."""
        missing = np.isnan(values)
        codes = self.encode(np.where(missing, 0.0, values))
        censored = np.where(missing, 0, (codes == self.last_code).astype(np.int8) - (codes == 0))
        return np.where(missing, np.nan, self.decode(codes)), censored.astype(np.int8)


#: TS 38.133 table 10.1.17.1-1: 1 dB steps to 22 dB, then 2 dB to 38.
POWER_HEADROOM = ReportTable("power headroom", "dB", "TS 38.133 10.1.17", ((-32.0, 1.0, 54), (22.0, 2.0, 8)))
MAXIMUM_POWER = ReportTable("P_CMAX,f,c", "dBm", "TS 38.133 10.1.18", ((-29.0, 1.0, 62),))
PRS_RSRP = ReportTable("PRS-RSRP", "dBm", "TS 38.133 10.1.24.3", ((-156.0, 1.0, 125),))
PRS_RSRPP = ReportTable("PRS-RSRPP", "dBm", "TS 38.133 10.1.38.3", ((-156.0, 1.0, 125),))
SRS_RSRP = ReportTable("UL SRS-RSRP", "dBm", "TS 38.133 13.3", ((-156.0, 1.0, 125),))
CLI_RSSI = ReportTable("CLI-RSSI", "dBm", "TS 38.133 10.1.22.2", ((-100.0, 1.0, 75),))
CLI_SRS_RSRP = ReportTable("CLI SRS-RSRP", "dBm", "TS 38.133 10.1.22.1", ((-140.0, 1.0, 96),))
DIFFERENTIAL_PRS_RSRP = ReportTable(
    "differential PRS-RSRP", "dB", "TS 38.133 10.1.24.3.2", ((-30.0, 1.0, 60),)
)
#: What the gNB reports of a UE's timing advance: 128 Tc steps to 262 144 Tc, then 512 to 3 150 848.
TIMING_ADVANCE = ReportTable(
    "T_ADV", "Tc", "TS 38.133 13.5", ((128.0, 128.0, 2047), (262_144.0, 512.0, 5642))
)
LTE_RSRP = ReportTable("LTE RSRP", "dBm", "TS 36.133 9.1.4", ((-140.0, 1.0, 96),))
LTE_RSRQ = ReportTable("LTE RSRQ", "dB", "TS 36.133 9.1.7", ((-19.5, 0.5, 33),))
LTE_RS_SINR = ReportTable("LTE RS-SINR", "dB", "TS 36.133 9.1.17", ((-23.0, 0.5, 126),))
#: TS 36.133 §9.1.8, whose index 0 is of [−23, −22) dB (from memory: unverified).
LTE_POWER_HEADROOM = ReportTable("LTE power headroom", "dB", "TS 36.133 9.1.8", ((-22.0, 1.0, 62),))
#: Differential L1-SINR, L1-RSRP, and codes of time, angle and phase are functions: see `report_mapping` and
#: `positioning.timing_codes`.
REPORT_TABLES = (
    POWER_HEADROOM,
    MAXIMUM_POWER,
    PRS_RSRP,
    PRS_RSRPP,
    SRS_RSRP,
    CLI_RSSI,
    CLI_SRS_RSRP,
    DIFFERENTIAL_PRS_RSRP,
    TIMING_ADVANCE,
    LTE_RSRP,
    LTE_RSRQ,
    LTE_RS_SINR,
    LTE_POWER_HEADROOM,
)
