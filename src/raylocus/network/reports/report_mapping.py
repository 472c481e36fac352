"""Report mappings: the index a UE sends for a measured value, and what can be read back from it.

Floor binning (TS 38.133 §10.1): index 0 is below the range, the last index at or above it, and index
i in between is a half-open bin, decoded to its centre. The two ends stay *censored*: their decoded
value is the end of the range, and all that is known is that the truth lies beyond.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.reports.features import FEATURE_INDEX, FEATURES, ReportFeature

#: Step [dB] and last index of differential L1-RSRP (T 10.1.6.1-2).
DIFFERENTIAL_STEP_DB = 2.0
LAST_DIFFERENTIAL_CODE = 15


def edges_of(feature: ReportFeature) -> Float[np.ndarray, " edge"]:
    """Edges of the equal bins of a feature, both ends of its range included."""
    return feature.low + feature.step * np.arange(round((feature.high - feature.low) / feature.step) + 1)


#: Edges of power headroom [dB]: 1 dB steps to 22 dB, then 2 dB to 38 (TS 38.133 table 10.1.17.1-1).
POWER_HEADROOM = np.r_[-32.0:22.0, 22.0:39.0:2.0]


def encode(
    values: Float[np.ndarray, "*shape"], edges: Float[np.ndarray, " edge"]
) -> Int[np.ndarray, "*shape"]:
    """Report index of measured values, which must not be NaN; it ends with the number of edges.

    Index i holds [edge i−1, edge i), e.g. SS-RSRP −156 dBm → 1, below → 0 and −31 dBm or more → 126 (TS 38.133
    tables 10.1.6.1-1, 10.1.11.1-1, 10.1.16.1-1).
    """
    # Searching the exact edges keeps a value just below an edge there; a division would round it up.
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def decode(
    codes: Int[np.ndarray, "*shape"], edges: Float[np.ndarray, " edge"]
) -> Float[np.ndarray, "*shape"]:
    """Bin centre of report indices; the end of the range for the two censored indices."""
    return np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])[codes]


def reported(
    values: Float[np.ndarray, "*shape"], edges: Float[np.ndarray, " edge"]
) -> tuple[Float[np.ndarray, "*shape"], Int[np.ndarray, "*shape"]]:
    """What the network reads from a report of these values.

    Returns:
        The decoded values and −1 (below), +1 (at or above) or 0; NaN stays NaN and is not censored.
    """
    missing = np.isnan(values)
    codes = encode(np.where(missing, edges[0], values), edges)
    censored = np.where(missing, 0, (codes == len(edges)).astype(np.int8) - (codes == 0))
    return np.where(missing, np.nan, decode(codes, edges)), censored.astype(np.int8)


#: Edges of L1-RSRP and SINR. L1-RSRP has the indices 16 (< −140 dBm) to 113 (≥ −44 dBm) of SS-RSRP (T 10.1.6.1-1).
_L1_RSRP, _SINR = (edges_of(FEATURES[FEATURE_INDEX[name]]) for name in ("l1_rsrp", "sinr"))


def reported_beams(
    level: Float[np.ndarray, "report beam"],
) -> tuple[Float[np.ndarray, "report beam"], Int[np.ndarray, "report beam"]]:
    """What the network reads from L1-RSRP reports: the strongest absolute, the others differential in 4 bits.

    Levels [dBm] are of the reported beams, strongest first; NaN where fewer were measured. Index i of a difference
    holds (−2(i + 1), −2i] dB, and 15 holds −30 dB and less (TS 38.133 table 10.1.6.1-2).

    Returns:
        The decoded levels [dBm] and −1, 0 or +1 where censored (TS 38.214 §5.2.1.4.3).
    """
    strongest, end = reported(level[:, :1], _L1_RSRP)
    steps = np.floor((level[:, :1] - level) / DIFFERENTIAL_STEP_DB)
    codes = np.clip(steps, 0, LAST_DIFFERENTIAL_CODE)
    below = np.minimum(codes + 0.5, LAST_DIFFERENTIAL_CODE) * DIFFERENTIAL_STEP_DB
    # A difference from a censored reference says nothing more than the reference's own bound.
    censored = np.where(codes == LAST_DIFFERENTIAL_CODE, -1, end)
    below[:, :1], censored[:, :1] = 0.0, end
    return strongest - below, np.where(np.isnan(level), 0, censored).astype(np.int8)


def reported_beam_sinr(level: Float[np.ndarray, "report beam"]) -> Float[np.ndarray, "report beam"]:
    """What the network reads from L1-SINR reports [dB]: the best absolute, the others differential in 4 bits.

    Index i of a difference holds (−(i + 1), −i] dB, and 15 holds −15 dB and less (TS 38.133 table
    10.1.16.1-2; the side on which bins are closed is unverified). NaN where fewer were measured.
    """
    best = np.fmax.reduce(level, axis=1, keepdims=True, initial=np.nan)
    reference, difference = reported(best, _SINR)[0], best - level
    codes = np.clip(np.floor(difference), 0, LAST_DIFFERENTIAL_CODE)
    decoded = reference - np.where(codes == LAST_DIFFERENTIAL_CODE, codes, codes + 0.5)
    return np.where(difference == 0, reference, decoded)
