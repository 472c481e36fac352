"""The serving cell's traffic, buffers and uplink: status reports, timing advance, power control and headroom.

TS 38.213 §4.2, §7.1.1 and §7.7.1, TS 38.321 §6.1.3.4, TS 38.133 §7.1 (uplink timing error).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.random_streams import RandomSource
from raylocus.network.reports.features import FEATURE_INDEX, FEATURES, reported_in
from raylocus.network.rrc.events import reports_by_step
from raylocus.network.rrc.measurement_configuration import check_listed
from raylocus.scenes.sites import Carrier
from raylocus.units import TC, timing_advance_step

#: Bursts that are followed between two reports; where more are expected the buffer has forgotten anyway.
MOST_BURSTS = 16
#: Largest share of the uplink that bursts may ask for; a sender slows down before its queue runs away.
MOST_BUSY = 0.98


@dataclass(frozen=True)
class Traffic:
    """Bursts of a UE's uplink: Poisson arrivals of exponential size (FTP model 3 with random size)."""

    bursts_per_second: float = 0.5
    mean_burst: float = 20_000.0
    """Mean size of a burst [byte]; less where the uplink could not carry them."""


def buffered(
    uplink_rate: Float[np.ndarray, " report"],
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    traffic: Traffic,
    random: RandomSource,
) -> Float[np.ndarray, " report"]:
    """Bytes waiting at each report: the workload of an M/M/1 queue, carried from report to report.

    A sequence begins in the stationary state, P(empty) = 1 − ρ and an exponential size of mean S/(1 − ρ)
    otherwise; afterwards the uplink empties what was left while bursts arrive. NaN without an uplink.

    `uplink_rate` is what the uplink carries [bit/s], NaN where there is none; times in s.
    """
    uniform = random.random((len(time), 2 + 2 * MOST_BURSTS))
    drain = np.maximum(np.nan_to_num(uplink_rate), 1.0) / 8
    burst = np.minimum(traffic.mean_burst, MOST_BUSY * drain / traffic.bursts_per_second)
    busy = traffic.bursts_per_second * burst / drain
    exponential = -np.log1p(-uniform)
    size = exponential[:, 1] * burst / (1 - busy)
    waiting = np.where(uniform[:, 0] < busy, size, 0.0)
    gaps = exponential[:, 2 : 2 + MOST_BURSTS] / traffic.bursts_per_second
    sizes = exponential[:, 2 + MOST_BURSTS :] * burst[:, None]
    for now in reports_by_step(report_offsets):
        elapsed = time[now] - time[now - 1]
        carried = _workload(waiting[now - 1], drain[now], elapsed, gaps[now], sizes[now])
        remembers = elapsed * traffic.bursts_per_second < MOST_BURSTS / 2
        waiting[now] = np.where(remembers, carried, waiting[now])
    return np.where(np.isnan(uplink_rate), np.nan, np.ceil(waiting))


def _workload(
    waiting: Float[np.ndarray, " chosen"],
    drain: Float[np.ndarray, " chosen"],
    elapsed: Float[np.ndarray, " chosen"],
    gaps: Float[np.ndarray, "chosen burst"],
    sizes: Float[np.ndarray, "chosen burst"],
) -> Float[np.ndarray, " chosen"]:
    """What is left after `elapsed` [s] of draining [byte/s] and of bursts that come after these gaps [s]."""
    left = elapsed.copy()
    for gap, size in zip(gaps.T, sizes.T, strict=True):
        arrives = gap < left
        step = np.minimum(gap, left)
        waiting = np.maximum(waiting - drain * step, 0.0) + np.where(arrives, size, 0.0)
        left = left - step
    return np.maximum(waiting - drain * left, 0.0)


def scheduling_request_rate(
    uplink_rate: Float[np.ndarray, " report"], traffic: Traffic
) -> Float[np.ndarray, " report"]:
    """Scheduling requests per second over an uplink [bit/s]: a burst that finds the buffer empty asks, λ(1 − ρ)."""
    offered = traffic.bursts_per_second * traffic.mean_burst * 8
    return traffic.bursts_per_second * (1 - np.minimum(offered / np.maximum(uplink_rate, 1.0), MOST_BUSY))


#: Largest buffer [byte] of each index of an 8-bit (long) report: 0..253, 254 is "more" and 255 is reserved. Levels of
#: TS 38.321 table 6.1.3.1-2 rise from 10 to 81,338,368 by one factor in 253 steps, rounded up, without repetition.
LONG_LEVELS = np.unique([0, *np.ceil(10 * 8133836.8 ** (np.arange(254) / 253) - 1e-6)]).astype(np.int64)


def buffer_size_index(
    size: Float[np.ndarray, "..."], levels: Int[np.ndarray, " level"]
) -> Int[np.ndarray, "..."]:
    """Index of a buffer of this many bytes: the least whose level holds it; one past the last for more."""
    return np.searchsorted(levels, size, side="left").astype(np.int64)


#: T_A − 31 of a Timing Advance Command MAC CE lies between these (6 bits).
COMMAND_RANGE = (-31, 32)
#: Limit T_e of the UE's initial transmit timing error [Tc] by μ (TS 38.133 T 7.1.2-1): unverified, from memory.
TRANSMIT_TIMING_LIMIT = {0: 12 * 64, 1: 10 * 64, 2: 7 * 64, 3: 3.5 * 64}
#: P_CMAX of power classes 2 and 3 [dBm].
POWER_CLASS_DBM = {2: 26.0, 3: 23.0}
#: Values of α (TS 38.331 Alpha).
ALPHAS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class TimingLoop:
    """How a network keeps a UE's uplink aligned."""

    dead_band_steps: float = 1.0
    """A command goes out when the measured offset exceeds this many steps."""


def commanded_timing_advance(
    delay: Float[np.ndarray, " report"],
    access: Int[np.ndarray, " access"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    carrier: Carrier,
    loop: TimingLoop,
) -> tuple[Float[np.ndarray, " report"], Int[np.ndarray, " report"]]:
    """N_TA as the sum of commands, in steps, and the command T_A − 31 of each report (0: none sent).

    At the first report the UE gets an absolute T_A by random access; afterwards a MAC CE of −31..+32
    steps corrects it once the offset leaves the dead band (TS 38.213 §4.2, TS 36.213 §4.2.3). Random access
    is repeated where the delay is unknown at the report before.

    The delay [s] is one way, as the network measures it; NaN where it detects nothing. `access` are the reports of
    random access, e.g. after a handover; the first of a sequence always is one.
    """
    ideal = 2 * delay / timing_advance_step(carrier.numerology)
    most = reported_in(FEATURES[FEATURE_INDEX["timing_advance"]], carrier.technology).high
    advance = np.clip(np.round(ideal), 0, most)
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
        tracked = np.clip(kept + np.where(sent, step, 0), 0, most)
        advance[now] = np.where(continued, tracked, advance[now])
    return advance, command


def uplink_timing_error(
    shape: tuple[int, ...], numerology: int, random: RandomSource
) -> Float[np.ndarray, "..."]:
    """Error [s] of a UE's transmit timing, uniform within ±T_e of TS 38.133 §7.1 (limits unverified)."""
    limit = TRANSMIT_TIMING_LIMIT[min(numerology, 3)] * TC
    return limit * (2 * random.random(shape) - 1)


@dataclass(frozen=True)
class UplinkPowerControl:
    """Open-loop power control of a cell's UEs."""

    target_dbm: float = -90.0
    """P_O per resource block at 15 kHz [dBm]."""
    alpha: float = 0.8
    """Share of the path loss that is made up for."""
    power_class: int = 3

    def __post_init__(self) -> None:
        check_listed("α of power control", self.alpha, ALPHAS)
        if self.power_class not in POWER_CLASS_DBM:
            raise InputError(f"power class {self.power_class} is not known; choose 2 or 3")

    @property
    def maximum_dbm(self) -> float:
        """P_CMAX [dBm]."""
        return POWER_CLASS_DBM[self.power_class]


def needed_power(
    path_loss_db: Float[np.ndarray, "*batch"],
    resource_blocks: int,
    numerology: int,
    control: UplinkPowerControl,
) -> Float[np.ndarray, "*batch"]:
    """P_O + 10·log10(2^μ·M_RB) + α·PL [dBm], before P_CMAX limits it; Δ_TF and f are 0.

    PL is the signalled EPRE less the UE's L3-filtered RSRP (text of §7.1.1 unverified). P_CMAX less this power is the
    type 1 power headroom.
    """
    bandwidth_db = 10 * np.log10(2**numerology * resource_blocks)
    return control.target_dbm + bandwidth_db + control.alpha * path_loss_db
