"""What a UE alone on a carrier would report and get: CQI, its error rate, and throughput.

The chain is that of Sionna SYS: exponential effective SINR, the AWGN error curve of one code block, and
independent code blocks.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri

from raylocus.propagation.link_abstraction.modulation_tables import (
    CQI_TABLES,
    MCS_TABLES,
    ModulationTable,
    table_of,
)
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing, to_decibel

#: Code block size [bit] that CQI and MCS thresholds are quoted at unless said otherwise.
CODE_BLOCK_BITS = 2000
#: Lowest rate of the LDPC mother codes.
MOTHER_RATE = 0.2
#: β of EESM at modulation and coding of MCS table 1 (Sionna SYS 2.2, esm_params; provenance not documented there).
EESM_BETA = (
    *(1.60, 1.61, 1.63, 1.65, 1.67, 1.70, 1.73, 1.76, 1.79, 1.82),
    *(3.97, 4.27, 4.71, 5.16, 5.66, 6.16, 6.50),
    *(9.95, 10.97, 12.92, 14.96, 17.06, 19.33, 21.85, 24.51, 27.14, 29.94, 32.05, 34.28),
)
#: The same for the 256QAM rows of MCS table 2.
EESM_BETA_256QAM = (56.48, 65.0, 78.58, 92.48, 106.27, 118.74, 126.36, 132.54)


def effective_sinr(
    sinr: Float[np.ndarray, "*batch resource"], beta: float | Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """EESM: γ_eff = −β·ln(mean exp(−γ/β)) of linear SINRs, computed about the least one for precision."""
    scale = np.asarray(beta)[..., None]
    least = sinr.min(axis=-1, keepdims=True)
    return least[..., 0] - scale[..., 0] * np.log(np.mean(np.exp(-(sinr - least) / scale), axis=-1))


def eesm_beta(table: ModulationTable) -> Float[np.ndarray, " row"]:
    """β of every row of a table, interpolated over Q_m·R: MCS table 1 up to 64QAM, table 2 above."""
    up_to_64qam = np.interp(table.efficiency, MCS_TABLES[1].efficiency, EESM_BETA)
    above = np.interp(table.efficiency, MCS_TABLES[2].efficiency[-8:], EESM_BETA_256QAM)
    return np.where(table.order <= 6, up_to_64qam, above)


@lru_cache
def curves(table: ModulationTable, code_block_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Midpoint and width [dB] of the BLER curve of every row of a table; rising with the efficiency."""
    rate, midpoint, width = _known_curves(code_block_bits)
    middle, spread = np.empty(len(table.rows)), np.empty(len(table.rows))
    for row, (order, scaled) in enumerate(table.rows):
        same = np.flatnonzero(rate[:, 0] == order)
        own = same[rate[same, 1].argsort(kind="stable")] if len(same) else np.arange(len(rate))
        nearest = own[np.abs(rate[own, 1] - scaled / 1024).argmin()]
        middle[row] = midpoint[nearest] + _shift(order * scaled / 1024, order, *rate[nearest])
        spread[row] = width[nearest]
    return np.maximum.accumulate(middle), spread


def block_error_rate(
    sinr_db: Float[np.ndarray, "*batch"], table: ModulationTable, code_block_bits: int = CODE_BLOCK_BITS
) -> Float[np.ndarray, "*batch row"]:
    """BLER of every row of a table at an effective SINR [dB]."""
    middle, spread = curves(table, code_block_bits)
    return ndtr((middle - np.asarray(sinr_db)[..., None]) / spread)


def thresholds_db(
    table: ModulationTable, bler_target: float | None = None, code_block_bits: int = CODE_BLOCK_BITS
) -> Float[np.ndarray, " row"]:
    """Least effective SINR [dB] at which each row of a table keeps the BLER target (the table's own by default)."""
    middle, spread = curves(table, code_block_bits)
    return np.maximum.accumulate(middle - spread * ndtri(bler_target or table.bler_target))


@lru_cache
def _known_curves(code_block_bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q_m, R), midpoint and width of every fitted curve at a code block size (log-interpolated, clamped)."""
    text = resources.files("raylocus.propagation.link_abstraction").joinpath("link_curves.json").read_text()
    document = json.loads(text)
    sizes = np.log(document["code_block_bits"])
    found: list[tuple[float, float, float, float]] = []
    for number in (1, 2, 3):
        table = table_of(MCS_TABLES, number)
        for index, curve in document["tables"][str(number)].items():
            middle, width = (
                float(np.interp(np.log(code_block_bits), sizes, curve[name]))
                for name in ("midpoint_db", "width_db")
            )
            found.append((float(table.order[int(index)]), float(table.rate[int(index)]), middle, width))
    rows = np.array(found)
    return rows[:, :2], rows[:, 2], rows[:, 3]


def _shift(efficiency: float, order: int, known_order: float, known_rate: float) -> float:
    """How much further up [dB] a rate is than a known curve, at an equal gap to capacity."""

    def capacity_db(bits: float) -> float:
        floor = MOTHER_RATE * order
        return 10 * np.log10(2 ** max(bits, floor) - 1) + 10 * np.log10(min(bits / floor, 1.0))

    return float(capacity_db(efficiency) - capacity_db(known_order * known_rate))


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


def lowest_sinr_db(resource_blocks: int, cqi_table: int = DEFAULT_CQI_TABLE) -> Float[np.ndarray, " cqi"]:
    """SINR [dB] from which on a flat channel of one layer has each CQI from 1 on; none falls.

    Args:
        resource_blocks: of the carrier, all given to the UE.
        cqi_table: number of the table, a key of `CQI_TABLES`.

    Raises:
        InputError: there is no CQI table of this number.
    """
    table = table_of(CQI_TABLES, cqi_table)
    required = [
        TransportBlock(table, row, resource_blocks).required_sinr_db for row in range(len(table.rows))
    ]
    return np.maximum.accumulate(required)


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
