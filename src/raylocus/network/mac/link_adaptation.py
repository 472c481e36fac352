"""Link adaptation, share, MCS and outer loop, and HARQ: what block errors leave and cost (TS 38.321 §5.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy.special import ndtr

from raylocus.errors import InputError
from raylocus.network.random_streams import RandomSource, correlated_normal
from raylocus.network.reports.features import feature_values
from raylocus.network.rrc.events import reports_by_step
from raylocus.propagation.link_abstraction.link_quality import block_error_rate, thresholds_db
from raylocus.propagation.link_abstraction.modulation_tables import ModulationTable
from raylocus.ragged import Rows
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, slot_duration

#: Transmissions of a transport block before HARQ gives it up to RLC.
MOST_TRANSMISSIONS = 4
#: Time from a transmission to its retransmission [slots]: a usual k1 + scheduling delay, not a rule.
ROUND_TRIP_SLOTS = 8
#: Symbols of a slot, and those that control and reference signals take of them on average (2 of PDCCH, 1 of DM-RS).
SYMBOLS_PER_SLOT, OVERHEAD_SYMBOLS = 14, 3


def transmission_error_rates(
    sinr_db: Float[np.ndarray, " report"], mcs: Int[np.ndarray, " report"], table: ModulationTable
) -> Float[np.ndarray, "report transmission"]:
    """BLER of transmission 1, 2, … of a block with chase combining: SINR grows by 10·log10 n."""
    gain = 10 * np.log10(np.arange(1, MOST_TRANSMISSIONS + 1))
    rates = block_error_rate(sinr_db[:, None] + gain, table)
    return np.take_along_axis(rates, mcs[:, None, None], axis=-1)[..., 0]


def retransmission_delay(
    error_rates: Float[np.ndarray, "report transmission"], numerology: int
) -> Float[np.ndarray, " report"]:
    """Mean time that HARQ's retransmissions cost a block [s]: a round trip of some slots for each."""
    again = np.cumprod(error_rates[:, :-1], axis=-1).sum(axis=-1)
    return again * ROUND_TRIP_SLOTS * slot_duration(numerology)


def resource_elements_per_second(resource_blocks: int, numerology: int) -> float:
    """Data resource elements a carrier offers [1/s]: 12·N_RB · (14 − overhead) · 1000·2^μ."""
    elements = SUBCARRIERS_PER_RESOURCE_BLOCK * resource_blocks * (SYMBOLS_PER_SLOT - OVERHEAD_SYMBOLS)
    return elements / slot_duration(numerology)


def frame_error_rate(bler: Float[np.ndarray, "*batch"], blocks: int) -> Float[np.ndarray, "*batch"]:
    """Probability that a frame of several independent blocks is not whole: 1 − (1 − BLER)^n."""
    return -np.expm1(blocks * np.log1p(-np.minimum(bler, 1 - 1e-16)))


@dataclass(frozen=True)
class Scheduler:
    """The law of a UE's share of the slots: uniform between two ends, and slow to change."""

    least: float = 0.05
    most: float = 0.5
    memory: float = 5.0
    """Correlation time of the share [s]: how long other UEs' sessions last; an engineering choice."""

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= 1 or self.memory <= 0:
            raise InputError("a scheduled share lies between 0 and 1, and its correlation time is above 0 s")


def scheduled_share(
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    scheduler: Scheduler,
    random: RandomSource,
) -> Float[np.ndarray, " report"]:
    """Share of the slots in which each UE is scheduled: a Gauss–Markov process made uniform."""
    level = ndtr(correlated_normal(time, report_offsets, scheduler.memory, random))
    return scheduler.least + (scheduler.most - scheduler.least) * level


#: Margin that a loop has settled at when a sequence begins [dB].
FIRST_MARGIN_DB = 1.0


#: Where the margin is held [dB].
MARGIN_LIMITS_DB = (-5.0, 10.0)


@dataclass(frozen=True)
class OuterLoop:
    """How a scheduler steers its first transmissions to an error rate."""

    target: float = 0.1
    """Share of NACKs that it aims at."""
    step_db: float = 0.1
    """A NACK raises the margin by this much; an ACK lowers it by step·target/(1 − target)."""
    blocks: int = 32
    """Transport blocks that are acknowledged to it between two reports."""


def adapt(
    known_sinr_db: Float[np.ndarray, " report"],
    true_sinr_db: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    table: ModulationTable,
    loop: OuterLoop,
    random: RandomSource,
) -> xr.Dataset:
    """MCS, errors and NACKs along sequences: each report's NACKs move the margin of the next.

    The scheduler knows one effective SINR and blocks are sent at another [dB]; NaN where there is no link.

    Returns:
        `mcs`, the MCS index, −1 out of range; `bler`, of first transmissions at the SINR as it is; `harq_nack`, the
        share of NACKs among the blocks since the last report.
    """
    needed = thresholds_db(table)
    uniform = random.random((len(known_sinr_db), loop.blocks))
    mcs, bler, negative = (np.full(len(known_sinr_db), np.nan) for _ in range(3))
    margin = np.full(len(known_sinr_db), FIRST_MARGIN_DB)
    starts = Rows(report_offsets).starts
    for step, now in enumerate([starts, *reports_by_step(report_offsets)]):
        if step:
            # The margin stays as it was where no block was sent.
            share = np.nan_to_num(negative[now - 1], nan=loop.target)
            moved = loop.step_db * loop.blocks * (share - (1 - share) * loop.target / (1 - loop.target))
            margin[now] = np.clip(margin[now - 1] + moved, *MARGIN_LIMITS_DB)
        known = ~np.isnan(known_sinr_db[now])
        level = np.where(known, known_sinr_db[now], -np.inf) - margin[now]
        index = np.searchsorted(needed, level, side="right") - 1
        rates = block_error_rate(np.nan_to_num(true_sinr_db[now]), table)
        rate = np.take_along_axis(rates, np.maximum(index, 0)[:, None], axis=1)[:, 0]
        sent = known & (index >= 0)
        mcs[now] = np.where(known, index, np.nan)
        bler[now] = np.where(sent, rate, np.nan)
        negative[now] = np.where(sent, (uniform[now] < rate[:, None]).mean(axis=1), np.nan)
    return feature_values(mcs=mcs, bler=bler, harq_nack=negative)
