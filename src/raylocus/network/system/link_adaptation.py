"""CQI, MCS, block errors and throughput of a link by its effective SINR (TS 38.214 §5.1.3, §5.2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.system.link_abstraction import (
    CODE_BLOCK_BITS,
    block_error_rate,
    eesm_beta,
    effective_sinr,
    thresholds_db,
)
from raylocus.network.system.modulation_tables import CQI_TABLES, MCS_TABLES, ModulationTable, table_of
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing, to_decibel

#: Symbols of a slot, and those that control and reference signals take of them on average (2 of PDCCH, 1 of DM-RS).
SYMBOLS_PER_SLOT, OVERHEAD_SYMBOLS = 14, 3


@dataclass(frozen=True)
class LinkQuality:
    """What link adaptation makes of a link; NaN where there is none."""

    mcs: Float[np.ndarray, "*batch"]
    """MCS index; −1 out of range."""
    bler: Float[np.ndarray, "*batch"]
    """Block error rate of the first transmission."""
    spectral_efficiency: Float[np.ndarray, "*batch"]
    """Bits that arrive per resource element: layers·Q_m·R·(1 − BLER)."""
    throughput: Float[np.ndarray, "*batch"]
    """Bits per second with the whole carrier for this share of the slots."""


def cqi(sinr_db: Float[np.ndarray, "*batch"], table_number: int) -> Int[np.ndarray, "*batch"]:
    """CQI index 0..15: the highest whose BLER keeps the table's target (TS 38.214 §5.2.2.1); 0 is out of range.

    NaN, which is no link, is out of range too.

    Raises:
        InputError: there is no CQI table of this number.
    """
    table = table_of(CQI_TABLES, table_number)
    return np.searchsorted(thresholds_db(table), np.nan_to_num(sinr_db, nan=-np.inf), side="right")


def wideband_cqi(sinr: Float[np.ndarray, "*batch resource"], table_number: int) -> Int[np.ndarray, "*batch"]:
    """CQI of linear SINRs over a frequency-selective band: each index by its own EESM β."""
    table = table_of(CQI_TABLES, table_number)
    needed = thresholds_db(table)
    best = np.zeros(sinr.shape[:-1], np.int64)
    for row, beta in enumerate(eesm_beta(table.efficiency)):
        reached = to_decibel(effective_sinr(sinr, float(beta)))
        best = np.where(np.nan_to_num(reached, nan=-np.inf) >= needed[row], row + table.first, best)
    return best


def subband_offset(
    subband: Int[np.ndarray, "*batch"], wideband: Int[np.ndarray, "*batch"]
) -> Int[np.ndarray, "*batch"]:
    """2-bit differential CQI: 0 equal, 1 one above, 2 two or more above, 3 below (TS 38.214 T 5.2.2.1-1)."""
    difference = subband - wideband
    return np.where(difference < 0, 3, np.minimum(difference, 2))


def link_quality(
    sinr_db: Float[np.ndarray, "*batch"],
    layers: Float[np.ndarray, "*batch"],
    share: Float[np.ndarray, "*batch"],
    resource_blocks: int,
    numerology: int,
    mcs_table: int = 1,
) -> LinkQuality:
    """MCS at 10 % BLER, and what arrives of it.

    Args:
        sinr_db: effective SINR per layer [dB]; NaN where there is no link.
        layers: number of layers.
        share: share of the slots in which this UE is scheduled, 0..1.
        resource_blocks: of the carrier.
        numerology: μ.
        mcs_table: PDSCH MCS table, 1 to 3.

    Raises:
        InputError: there is no MCS table of this number.
    """
    table = table_of(MCS_TABLES, mcs_table)
    dark = np.isnan(sinr_db)
    level = np.nan_to_num(sinr_db, nan=-np.inf)
    index = np.searchsorted(thresholds_db(table), level, side="right") - 1
    bler = np.take_along_axis(block_error_rate(level, table), np.maximum(index, 0)[..., None], axis=-1)[
        ..., 0
    ]
    efficiency = np.where(index < 0, 0.0, layers * table.efficiency[np.maximum(index, 0)] * (1 - bler))
    elements = resource_elements_per_second(resource_blocks, numerology)
    values = (
        index.astype(float),
        np.where(index < 0, np.nan, bler),
        efficiency,
        efficiency * elements * share,
    )
    return LinkQuality(*(np.where(dark, np.nan, each) for each in values))


def resource_elements_per_second(resource_blocks: int, numerology: int) -> float:
    """Data resource elements a carrier offers [1/s]: 12·N_RB · (14 − overhead) · 1000·2^μ."""
    slots = 1000 * subcarrier_spacing(numerology) / subcarrier_spacing(0)
    return SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks * (SYMBOLS_PER_SLOT - OVERHEAD_SYMBOLS) * slots


def frame_error_rate(bler: Float[np.ndarray, "*batch"], blocks: int) -> Float[np.ndarray, "*batch"]:
    """Probability that a frame of several independent blocks is not whole: 1 − (1 − BLER)^n."""
    return -np.expm1(blocks * np.log1p(-np.minimum(bler, 1 - 1e-16)))


def mcs_error_rate(
    sinr_db: Float[np.ndarray, "*batch"],
    mcs: int,
    table: ModulationTable,
    code_block_bits: int = CODE_BLOCK_BITS,
) -> Float[np.ndarray, "*batch"]:
    """BLER of one MCS at an effective SINR [dB]."""
    return block_error_rate(sinr_db, table, code_block_bits)[..., mcs]
