"""Report mapping tables other than those of `Reports`' own columns: power headroom and positioning levels.

A table is a row of edges: index i holds [edge_i−1, edge_i), index 0 is below the first edge and the last
index at or above the last (TS 38.133 §10.1, §13). The two ends are censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class MappingTable:
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
POWER_HEADROOM = MappingTable("power headroom", "dB", "TS 38.133 10.1.17", ((-32.0, 1.0, 54), (22.0, 2.0, 8)))
PRS_RSRP = MappingTable("PRS-RSRP", "dBm", "TS 38.133 10.1.24.3", ((-156.0, 1.0, 125),))
SRS_RSRP = MappingTable("UL SRS-RSRP", "dBm", "TS 38.133 13.3", ((-156.0, 1.0, 125),))
