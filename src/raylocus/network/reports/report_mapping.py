"""Report mappings: the index a UE sends for a measured value, and what can be read back from it.

Floor binning (TS 38.133 §10.1): index 0 is below the range, the last index at or above it, and index
i in between is a half-open bin, decoded to its centre. The two ends stay *censored*: their decoded
value is the end of the range, and all that is known is that the truth lies beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.features import FEATURE_INDEX, FEATURES, ReportFeature

#: L1-RSRP uses the indices of SS-RSRP, of which 16 (< −140 dBm) to 113 (≥ −44 dBm) occur (T 10.1.6.1-1).
L1_RSRP_CODES = (16, 113)
#: Step [dB] and last index of differential L1-RSRP (T 10.1.6.1-2).
DIFFERENTIAL_STEP_DB = 2.0
LAST_DIFFERENTIAL_CODE = 15


def encode(values: Float[np.ndarray, "..."], feature: ReportFeature) -> Int[np.ndarray, "..."]:
    """Report index of measured values, which must not be NaN.

    index = clip(⌊(value − low) / step⌋ + 1, 0, last), e.g. SS-RSRP −156 dBm → 1, below → 0 and
    −31 dBm or more → 126 (TS 38.133 tables 10.1.6.1-1, 10.1.11.1-1, 10.1.16.1-1).
    """
    # Searching the exact edges keeps a value just below an edge there; a division would round it up.
    edges = feature.low + feature.step * np.arange(last_code(feature))
    return np.searchsorted(edges, np.asarray(values, np.float64), side="right").astype(np.int64)


def decode(codes: Int[np.ndarray, "..."], feature: ReportFeature) -> Float[np.ndarray, "..."]:
    """Bin centre of report indices; the end of the range for the two censored indices."""
    centre = feature.low + (np.asarray(codes, np.float64) - 0.5) * feature.step
    return np.clip(centre, feature.low, feature.high)


def last_code(feature: ReportFeature) -> int:
    """The index that means "at or above the range"."""
    return round((feature.high - feature.low) / feature.step) + 1


def reported(
    values: Float[np.ndarray, "*shape"], feature: ReportFeature
) -> tuple[Float[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
    """What the network reads from a report of these values.

    Returns:
        The decoded values and −1 (below), +1 (at or above) or 0; NaN stays NaN and is not censored.
    """
    missing = np.isnan(values)
    codes = encode(np.where(missing, feature.low, values), feature)
    censored = np.where(missing, 0, (codes == last_code(feature)).astype(np.int8) - (codes == 0))
    return np.where(missing, np.nan, decode(codes, feature)), censored.astype(np.int8)


def encode_l1_rsrp(level: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Absolute L1-RSRP index of levels [dBm]: the SS-RSRP index, held within 16..113."""
    return np.clip(encode(level, FEATURES[FEATURE_INDEX["rsrp"]]), *L1_RSRP_CODES)


def decode_l1_rsrp(codes: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Level [dBm] of absolute L1-RSRP indices: i − 156.5, and −140 or −44 at the censored ends."""
    return decode(np.asarray(codes) - L1_RSRP_CODES[0], FEATURES[FEATURE_INDEX["l1_rsrp"]])


def encode_differential(difference: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Differential L1-RSRP index of levels below the report's strongest [dB, ≤ 0].

    Index i holds (−2(i + 1), −2i] dB, and 15 holds −30 dB and less (TS 38.133 table 10.1.6.1-2).
    """
    steps = np.floor(-np.asarray(difference, np.float64) / DIFFERENTIAL_STEP_DB)
    return np.clip(steps, 0, LAST_DIFFERENTIAL_CODE).astype(np.int64)


def decode_differential(codes: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre −(2i + 1) dB of differential indices; −30 dB for the censored 15."""
    centre = -(np.asarray(codes, np.float64) + 0.5) * DIFFERENTIAL_STEP_DB
    return np.maximum(centre, -LAST_DIFFERENTIAL_CODE * DIFFERENTIAL_STEP_DB)


def reported_beams(
    level: Float[np.ndarray, "report beam"],
) -> tuple[Float[np.ndarray, "report beam"], Int[np.ndarray, "report beam"]]:
    """What the network reads from L1-RSRP reports: the strongest absolute, the others differential.

    Args:
        level: L1-RSRP [dBm] of the reported beams, strongest first; NaN where fewer were measured.

    Returns:
        The decoded levels [dBm] and −1, 0 or +1 where censored (TS 38.214 §5.2.1.4.3).
    """
    missing = np.isnan(level)
    strongest = encode_l1_rsrp(np.where(missing[:, :1], 0.0, level[:, :1]))
    codes = encode_differential(np.where(missing, 0.0, level - level[:, :1]))
    decoded = decode_l1_rsrp(strongest) + decode_differential(codes)
    decoded[:, :1] = decode_l1_rsrp(strongest)
    # A difference from a censored reference says nothing more than the reference's own bound.
    end = (strongest == L1_RSRP_CODES[1]).astype(np.int8) - (strongest == L1_RSRP_CODES[0])
    censored = np.where(codes == LAST_DIFFERENTIAL_CODE, -1, end)
    censored[:, :1] = end
    return np.where(missing, np.nan, decoded), np.where(missing, 0, censored).astype(np.int8)


def reported_beam_sinr(level: Float[np.ndarray, "report beam"]) -> Float[np.ndarray, "report beam"]:
    """What the network reads from L1-SINR reports [dB]: the best absolute, the others differential in 4 bits.

    Index i of a difference holds (−(i + 1), −i] dB, and 15 holds −15 dB and less (TS 38.133 table
    10.1.16.1-2; the side on which bins are closed is unverified). NaN where fewer were measured.
    """
    best = np.where(np.isnan(level), -np.inf, level).max(axis=1, keepdims=True, initial=-np.inf)
    known = np.isfinite(best)
    reference = reported(np.where(known, best, np.nan), FEATURES[FEATURE_INDEX["sinr"]])[0]
    missing = np.isnan(level)
    difference = np.where(missing, 0.0, np.where(known, best, 0.0) - np.where(missing, 0.0, level))
    codes = np.clip(np.floor(difference), 0, LAST_DIFFERENTIAL_CODE)
    decoded = reference - np.where(codes == LAST_DIFFERENTIAL_CODE, codes, codes + 0.5)
    strongest = ~missing & (difference == 0)
    return np.where(missing, np.nan, np.where(strongest, reference, decoded))


@dataclass(frozen=True)
class MappingTable:
    """One mapping table of another quantity, as a row of edges in runs of equal bins.

    Index i holds [edge_i−1, edge_i), index 0 is below the first edge and the last index at or above the last
    (TS 38.133 §10.1, §13). The two ends are censored.
    """

    name: str
    unit: str
    clause: str
    runs: tuple[tuple[float, float, int], ...]
    """(lower edge, step, number of bins) of each run of equal bins, ascending and touching."""

    @cached_property
    def edges(self) -> Float[np.ndarray, " edge"]:
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
