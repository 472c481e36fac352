"""What a UE alone on a carrier would report and get: CQI, its error rate, and throughput.

The chain is that of Sionna SYS: exponential effective SINR, the AWGN error curve of one code block, and
independent code blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri

from raylocus.propagation.link_abstraction.error_curves import curves, eesm_beta, effective_sinr
from raylocus.propagation.link_abstraction.modulation_tables import CQI_TABLES, ModulationTable, table_of
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing, to_decibel

#: Number of the CQI table of a network that says nothing else: TS 38.214 Table 5.2.2.1-2 (64QAM).
DEFAULT_CQI_TABLE = 1
#: Data symbols of a slot: 14 less two of control and one of DM-RS (TS 38.214 §5.2.2.5).
DATA_SYMBOLS = 11


@dataclass(frozen=True)
class LinkQuality:
    """What a UE alone on the carrier would report and get, per channel realisation."""

    cqi: Int[np.ndarray, " link"]
    """0 to 15; 0 is out of range."""
    error_rate: Float[np.ndarray, " link"]
    """Transport block error rate at the reported CQI; NaN at CQI 0."""
    throughput: Float[np.ndarray, " link"]
    """bit/s; 0 at CQI 0."""


@dataclass(frozen=True)
class TransportBlock:
    """The block that fills all resource blocks of one slot with one row of a table."""

    table: ModulationTable
    row: int
    resource_blocks: int
    layers: int = 1

    @cached_property
    def size(self) -> float:
        """Information bits (TS 38.214 §5.1.3.2 before its rounding)."""
        elements = self.resource_blocks * SUBCARRIERS_PER_RESOURCE_BLOCK * DATA_SYMBOLS * self.layers
        return elements * float(self.table.efficiency[self.row])

    @cached_property
    def code_blocks(self) -> int:
        """Number of code blocks (TS 38.212 §5.2.2, base graph by §7.2.2)."""
        rate = self.table.rate[self.row]
        second_graph = self.size <= 292 or (self.size <= 3824 and rate <= 0.67) or rate <= 0.25
        largest = 3840 if second_graph else 8448
        return 1 if self.size <= largest else math.ceil(self.size / (largest - 24))

    @cached_property
    def curve(self) -> tuple[float, float]:
        """Midpoint and width of the error curve of one of its code blocks [dB]."""
        middle, width = curves(self.table, round(self.size / self.code_blocks))
        return float(middle[self.row]), float(width[self.row])

    @cached_property
    def required_sinr_db(self) -> float:
        """Lowest effective SINR at which the table's error rate is kept [dB]."""
        middle, width = self.curve
        of_each = 1 - (1 - self.table.bler_target) ** (1 / self.code_blocks)
        return middle - width * float(ndtri(of_each))

    def error_rate(self, sinr_db: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Probability that at least one code block fails, at an effective SINR [dB]."""
        middle, width = self.curve
        return 1 - (1 - ndtr((middle - sinr_db) / width)) ** self.code_blocks


def link_quality(
    sinr: Float[np.ndarray, "link block"],
    resource_blocks: int,
    numerology: int,
    cqi_table: int = DEFAULT_CQI_TABLE,
    layers: int = 1,
) -> LinkQuality:
    """The highest CQI that meets the table's error rate, and what it carries (TS 38.214 §5.2.2.1).

    Args:
        sinr: linear SINR of equally spaced parts of the carrier, on every layer; NaN is no link.
        resource_blocks: of the carrier, all given to the UE.
        numerology: μ; a slot lasts 2^−μ ms.
        cqi_table: number of the table, a key of `CQI_TABLES`.
        layers: over which one transport block goes.

    Raises:
        InputError: there is no CQI table of this number.
    """
    table = table_of(CQI_TABLES, cqi_table)
    quality = LinkQuality(np.zeros(len(sinr), np.int64), np.full(len(sinr), np.nan), np.zeros(len(sinr)))
    slots = subcarrier_spacing(numerology) / 15
    # The effective SINR never exceeds the mean, so a link that misses one CQI by far need not try the next.
    alive, level = np.arange(len(sinr)), to_decibel(sinr.mean(axis=1))
    for row, beta in enumerate(eesm_beta(table)):
        block = TransportBlock(table, row, resource_blocks, layers)
        alive = alive[level[alive] >= block.required_sinr_db]
        effective = to_decibel(effective_sinr(sinr[alive], float(beta)))
        kept = effective >= block.required_sinr_db
        met, failing = alive[kept], block.error_rate(effective[kept])
        quality.cqi[met], quality.error_rate[met] = table.first + row, failing
        quality.throughput[met] = block.size * slots * (1 - failing)
    return quality
