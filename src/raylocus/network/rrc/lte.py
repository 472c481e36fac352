"""LTE where it differs from NR: identities, timing advance, Rx−Tx and report mapping (TS 36.213, 36.133, 36.331).

Level mappings are `report_tables.LTE_RSRP`, `LTE_RSRQ` and `LTE_RS_SINR`; the L3 filter is NR's with the same 200 ms.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.units import TS

#: Physical cell identities 0..503.
CELL_IDENTITIES = 504
#: Highest T_A of a random access response (11 bits), and the step 16·Ts.
MOST_TIMING_ADVANCE = 1282
TIMING_ADVANCE_STEP = 16 * TS
#: Rx−Tx: 2 Ts bins below 4096 Ts, then 8 Ts to 20 472 (TS 36.133 §9.1.9; bins inferred from the index, unverified).
RX_TX_EDGES = np.concatenate([np.arange(0, 4096, 2), np.arange(4096, 20473, 8)])


def lte_timing_advance(delay: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """T_A = round(2τ / 16Ts) within 0..1282 of one-way delays [s]: 78 m a step; NaN stays NaN (TS 36.213 §4.2.3)."""
    return np.clip(np.round(2 * np.asarray(delay) / TIMING_ADVANCE_STEP), 0, MOST_TIMING_ADVANCE)


def encode_lte_rx_tx(difference: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Index 0..4095 of a UE Rx−Tx time difference [s]."""
    return np.clip(np.searchsorted(RX_TX_EDGES, np.asarray(difference) / TS, side="right"), 0, 4095).astype(
        np.int64
    )


def decode_lte_rx_tx(code: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Bin centre [s]; the end of the range at index 0 and 4095."""
    edges = RX_TX_EDGES[:4095].astype(float)
    centre = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:]])
    return centre[code] * TS
