"""Link abstraction: from the SINR of every resource block to CQI, block error rate and throughput.

The chain is that of Sionna SYS: exponential effective SINR (EESM), the AWGN error curve of one code
block, and independent code blocks. The curves of CQI 4 to 15 are Gaussian fits to the PDSCH curves
that Sionna 2.2.0 ships (`sionna/sys/bler_tables/PDSCH_table1.json`, Apache-2.0), simulated every
1.8 dB; `benchmarks/link_curves.py` makes them anew. The EESM's β are Sionna's, whose origin its file
says is not recoverable. CQI 1 to 3 have no curve there; theirs is derived, see `_derived_midpoint`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, from_decibel, subcarrier_spacing, to_decibel

#: Transport block error rate that the reported CQI must not exceed (TS 38.214 §5.2.2.1).
TARGET_ERROR_RATE = 0.1
#: Data symbols of a slot: 14 less two of control and one of DM-RS (TS 38.214 §5.2.2.5).
DATA_SYMBOLS = 11
#: Code block sizes of the curves [bit]; larger blocks take the last, as in Sionna.
CODE_BLOCK_SIZES = (24, 100, 500, 1000, 2000)
#: Lowest code rate of NR's LDPC mother code (TS 38.212 §6.2.2); below it bits are repeated.
LOWEST_MOTHER_RATE = 1 / 5


@dataclass(frozen=True)
class CqiEntry:
    """One row of TS 38.214 Table 5.2.2.1-2 with its AWGN error curve."""

    index: int
    bits: int
    """Bits of a symbol, Q_m."""
    rate: int
    """Code rate times 1024."""
    beta: float
    """β of the EESM, linear."""
    width: float
    """Standard deviation of the curve at a code block of 100 bits [dB]; it shrinks with the root of the size."""
    midpoints: tuple[float, ...]
    """SINR of error rate ½ at each of `CODE_BLOCK_SIZES` [dB]."""

    @property
    def efficiency(self) -> float:
        """Information bits a resource element."""
        return self.bits * self.rate / 1024

    def block_error_rate(self, sinr_db: Float[np.ndarray, "*n"], size: float) -> Float[np.ndarray, "*n"]:
        """Error rate of one code block of that size [bit] at an effective SINR [dB]."""
        limited = min(max(size, CODE_BLOCK_SIZES[0]), CODE_BLOCK_SIZES[-1])
        midpoint = np.interp(math.log(limited), np.log(CODE_BLOCK_SIZES), self.midpoints)
        return ndtr((midpoint - sinr_db) / (self.width * math.sqrt(100 / limited)))


def _derived_midpoint(efficiency: float) -> float:
    """SINR of error rate ½ of QPSK without a curve [dB].

    CQI 4's distance from capacity, log2(1 + SNR) = efficiency, down to the mother code's rate; below it
    repetition, which gains as much SINR as it loses rate.
    """
    gap = -1.88 - to_decibel(2**0.6016 - 1)
    coded = max(efficiency, 2 * LOWEST_MOTHER_RATE)
    return to_decibel(2**coded - 1) + gap - to_decibel(coded / efficiency)


def _derived(index: int, rate: int) -> CqiEntry:
    return CqiEntry(index, 2, rate, 1.6, 0.74, (_derived_midpoint(2 * rate / 1024),) * len(CODE_BLOCK_SIZES))


#: TS 38.214 Table 5.2.2.1-2 (64QAM), CQI 1 to 15; CQI 0 is "out of range".
CQI_TABLE = (
    _derived(1, 78),
    _derived(2, 120),
    _derived(3, 193),
    CqiEntry(4, 2, 308, 1.67, 0.74, (-1.77, -1.90, -1.88, -1.88, -1.86)),
    CqiEntry(5, 2, 449, 1.73, 0.74, (0.23, 0.11, 0.18, 0.18, 0.22)),
    CqiEntry(6, 2, 602, 1.79, 0.73, (1.86, 2.03, 2.09, 2.07, 2.10)),
    CqiEntry(7, 4, 378, 4.27, 0.81, (3.44, 3.79, 3.84, 3.88, 3.93)),
    CqiEntry(8, 4, 490, 5.16, 0.87, (5.52, 5.64, 5.69, 5.72, 5.76)),
    CqiEntry(9, 4, 616, 6.16, 0.88, (7.61, 7.67, 7.71, 7.72, 7.72)),
    CqiEntry(10, 6, 466, 10.97, 0.98, (9.20, 9.32, 9.34, 9.37, 9.41)),
    CqiEntry(11, 6, 567, 14.96, 0.95, (10.21, 11.18, 11.31, 11.34, 11.38)),
    CqiEntry(12, 6, 666, 19.33, 1.01, (11.52, 13.16, 13.25, 13.23, 13.33)),
    CqiEntry(13, 6, 772, 24.51, 1.02, (13.12, 14.93, 15.12, 15.09, 15.15)),
    CqiEntry(14, 6, 873, 29.94, 1.09, (15.63, 17.29, 17.29, 17.18, 17.14)),
    CqiEntry(15, 6, 948, 34.28, 1.11, (15.59, 18.32, 18.77, 18.86, 19.35)),
)


@dataclass(frozen=True)
class LinkQuality:
    """What a UE alone on the carrier would report and get, one layer, per channel realisation."""

    cqi: Int[np.ndarray, "link"]
    """0 to 15; 0 is out of range."""
    error_rate: Float[np.ndarray, "link"]
    """Transport block error rate at the reported CQI; NaN at CQI 0."""
    throughput: Float[np.ndarray, "link"]
    """bit/s; 0 at CQI 0."""


@dataclass(frozen=True)
class TransportBlock:
    """The block that fills all resource blocks of one slot at one CQI."""

    entry: CqiEntry
    resource_blocks: int

    @cached_property
    def size(self) -> float:
        """Information bits (TS 38.214 §5.1.3.2 before its rounding)."""
        elements = self.resource_blocks * SUBCARRIERS_PER_RESOURCE_BLOCK * DATA_SYMBOLS
        return elements * self.entry.efficiency

    @cached_property
    def code_blocks(self) -> int:
        """Number of code blocks (TS 38.212 §5.2.2, base graph by §7.2.2)."""
        rate = self.entry.rate / 1024
        second_graph = self.size <= 292 or (self.size <= 3824 and rate <= 0.67) or rate <= 0.25
        largest = 3840 if second_graph else 8448
        return 1 if self.size <= largest else math.ceil(self.size / (largest - 24))

    def error_rate(self, sinr_db: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Probability that at least one code block fails, at an effective SINR [dB]."""
        each = self.entry.block_error_rate(sinr_db, self.size / self.code_blocks)
        return 1 - (1 - each) ** self.code_blocks


def effective_sinr(sinr: Float[np.ndarray, "link block"], beta: float) -> Float[np.ndarray, "link"]:
    """EESM: −β ln mean exp(−γ/β), linear (Brueninghaus et al., PIMRC 2005)."""
    # About the smallest term, so that strong links do not underflow.
    least = sinr.min(axis=1, keepdims=True)
    return least[:, 0] - beta * np.log(np.exp(-(sinr - least) / beta).mean(axis=1))


def link_quality(sinr: Float[np.ndarray, "link block"], resource_blocks: int, numerology: int) -> LinkQuality:
    """The highest CQI that meets the target error rate, and what it carries (TS 38.214 §5.2.2.1).

    Args:
        sinr: linear SINR of equally spaced parts of the carrier.
        resource_blocks: of the carrier, all given to the UE.
        numerology: μ; a slot lasts 2^−μ ms.
    """
    quality = LinkQuality(np.zeros(len(sinr), np.int64), np.full(len(sinr), np.nan), np.zeros(len(sinr)))
    slots = subcarrier_spacing(numerology) / 15
    # The effective SINR never exceeds the mean, so a link that misses one CQI by far need not try the next.
    alive, level = np.arange(len(sinr)), to_decibel(sinr.mean(axis=1))
    for entry in CQI_TABLE:
        alive = alive[level[alive] > min(entry.midpoints)]
        block = TransportBlock(entry, resource_blocks)
        failing = block.error_rate(to_decibel(effective_sinr(sinr[alive], entry.beta)))
        met, failing = alive[failing <= TARGET_ERROR_RATE], failing[failing <= TARGET_ERROR_RATE]
        quality.cqi[met], quality.error_rate[met] = entry.index, failing
        quality.throughput[met] = block.size * slots * (1 - failing)
    return quality


def required_sinr_db(entry: CqiEntry, resource_blocks: int) -> float:
    """Lowest SINR of a flat channel at which a CQI is reported [dB], to 0.01 dB."""
    level = np.arange(-15, 30, 0.01)
    rate = TransportBlock(entry, resource_blocks).error_rate(level)
    return float(level[np.argmax(rate <= TARGET_ERROR_RATE)])


def flat_link_quality(
    sinr_db: Float[np.ndarray, "link"], resource_blocks: int, numerology: int
) -> LinkQuality:
    """`link_quality` of channels that are flat over the carrier."""
    return link_quality(from_decibel(sinr_db)[:, None], resource_blocks, numerology)
