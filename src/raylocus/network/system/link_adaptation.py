"""What a carrier offers, and what of it arrives (TS 38.214 §5.1.3, §5.2.2.1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, slot_duration

#: Symbols of a slot, and those that control and reference signals take of them on average (2 of PDCCH, 1 of DM-RS).
SYMBOLS_PER_SLOT, OVERHEAD_SYMBOLS = 14, 3


def resource_elements_per_second(resource_blocks: int, numerology: int) -> float:
    """Data resource elements a carrier offers [1/s]: 12·N_RB · (14 − overhead) · 1000·2^μ."""
    elements = SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks * (SYMBOLS_PER_SLOT - OVERHEAD_SYMBOLS)
    return elements / slot_duration(numerology)


def frame_error_rate(bler: Float[np.ndarray, "*batch"], blocks: int) -> Float[np.ndarray, "*batch"]:
    """Probability that a frame of several independent blocks is not whole: 1 − (1 − BLER)^n."""
    return -np.expm1(blocks * np.log1p(-np.minimum(bler, 1 - 1e-16)))
