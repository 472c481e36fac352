"""CQI by effective SINR, and what a carrier offers (TS 38.214 §5.1.3, §5.2.2.1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.link_abstraction.error_curves import (
    eesm_beta,
    effective_sinr,
    thresholds_db,
)
from raylocus.propagation.link_abstraction.modulation_tables import (
    CQI_TABLES,
    table_of,
)
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, slot_duration, to_decibel

#: Symbols of a slot, and those that control and reference signals take of them on average (2 of PDCCH, 1 of DM-RS).
SYMBOLS_PER_SLOT, OVERHEAD_SYMBOLS = 14, 3


def wideband_cqi(sinr: Float[np.ndarray, "*batch resource"], table_number: int) -> Int[np.ndarray, "*batch"]:
    """CQI index 0..15 of linear SINRs over a band: the highest whose BLER keeps the table's target; 0 is out of range.

    Each index is judged by the effective SINR at its own EESM β (TS 38.214 §5.2.2.1); NaN, which is no
    link, is out of range too.

    Raises:
        InputError: there is no CQI table of this number.
    """
    table = table_of(CQI_TABLES, table_number)
    needed = thresholds_db(table)
    best = np.zeros(sinr.shape[:-1], np.int64)
    for row, beta in enumerate(eesm_beta(table)):
        reached = to_decibel(effective_sinr(sinr, float(beta)))
        best = np.where(np.nan_to_num(reached, nan=-np.inf) >= needed[row], row + table.first, best)
    return best


def subband_offset(
    subband: Int[np.ndarray, "*batch"], wideband: Int[np.ndarray, "*batch"]
) -> Int[np.ndarray, "*batch"]:
    """2-bit differential CQI: 0 equal, 1 one above, 2 two or more above, 3 below (TS 38.214 T 5.2.2.1-1)."""
    difference = subband - wideband
    return np.where(difference < 0, 3, np.minimum(difference, 2))


def resource_elements_per_second(resource_blocks: int, numerology: int) -> float:
    """Data resource elements a carrier offers [1/s]: 12·N_RB · (14 − overhead) · 1000·2^μ."""
    elements = SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks * (SYMBOLS_PER_SLOT - OVERHEAD_SYMBOLS)
    return elements / slot_duration(numerology)


def frame_error_rate(bler: Float[np.ndarray, "*batch"], blocks: int) -> Float[np.ndarray, "*batch"]:
    """Probability that a frame of several independent blocks is not whole: 1 − (1 − BLER)^n."""
    return -np.expm1(blocks * np.log1p(-np.minimum(bler, 1 - 1e-16)))
