"""Timing advance of the serving cell: what is commanded at access and kept up afterwards.

TS 38.213 §4.2, TS 38.321 §6.1.3.4, TS 38.133 §7.1 (uplink timing error).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.random_streams import RandomSource
from raylocus.network.rrc.filtering import reports_by_step
from raylocus.units import MAX_TIMING_ADVANCE, TC, timing_advance_step

#: T_A − 31 of a Timing Advance Command MAC CE lies between these (6 bits).
COMMAND_RANGE = (-31, 32)
#: Limit T_e of the UE's initial transmit timing error [Tc] by μ (TS 38.133 T 7.1.2-1): unverified, from memory.
TRANSMIT_TIMING_LIMIT = {0: 12 * 64, 1: 10 * 64, 2: 7 * 64, 3: 3.5 * 64}


@dataclass(frozen=True)
class TimingLoop:
    """How a network keeps a UE's uplink aligned."""

    dead_band_steps: float = 1.0
    """A command goes out when the measured offset exceeds this many steps."""


def commanded_timing_advance(
    delay: Float[np.ndarray, " report"],
    access: Int[np.ndarray, " sample"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    numerology: int,
    loop: TimingLoop = TimingLoop(),
) -> tuple[Float[np.ndarray, " report"], Int[np.ndarray, " report"]]:
    """N_TA as the sum of commands, in steps, and the command T_A − 31 of each report (0: none sent).

    At the first report the UE gets an absolute T_A by random access; afterwards a MAC CE of −31..+32
    steps corrects it once the offset leaves the dead band (TS 38.213 §4.2). Random access is repeated where
    the delay is unknown at the report before.

    Args:
        delay: one-way delay [s] that the network measures at each report; NaN where it detects nothing.
        access: first report of each sequence (`report_offsets[:-1]`), or a later handover's.
        report_offsets: reports of each sequence.
        numerology: μ of the uplink.
        loop: dead band.
    """
    ideal = 2 * delay / timing_advance_step(numerology)
    advance = np.clip(np.round(ideal), 0, MAX_TIMING_ADVANCE)
    command = np.zeros(len(delay), np.int64)
    fresh = np.zeros(len(delay), bool)
    fresh[access] = True
    for now in reports_by_step(report_offsets):
        kept = advance[now - 1]
        offset = ideal[now] - kept
        step = np.clip(np.round(offset), *COMMAND_RANGE)
        sent = np.abs(offset) > loop.dead_band_steps
        continued = ~fresh[now] & ~np.isnan(offset)
        command[now] = np.where(continued & sent, step, 0)
        tracked = np.clip(kept + np.where(sent, step, 0), 0, MAX_TIMING_ADVANCE)
        advance[now] = np.where(continued, tracked, advance[now])
    return advance, command


def uplink_timing_error(
    shape: tuple[int, ...], numerology: int, random: RandomSource
) -> Float[np.ndarray, "..."]:
    """Error [s] of a UE's transmit timing, uniform within ±T_e of TS 38.133 §7.1 (limits unverified)."""
    limit = TRANSMIT_TIMING_LIMIT[min(numerology, 3)] * TC
    return limit * (2 * random.random(shape) - 1)
