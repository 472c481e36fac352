"""The serving cell's uplink: timing advance, power control and the power headroom report.

TS 38.213 §4.2, §7.1.1 and §7.7.1, TS 38.321 §6.1.3.4, TS 38.133 §7.1 (uplink timing error).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.random_streams import RandomSource
from raylocus.network.reports.features import FEATURE_INDEX, FEATURES, reported_in
from raylocus.network.rrc.filtering import reports_by_step
from raylocus.scenes.sites import Carrier
from raylocus.units import TC, timing_advance_step

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
    access: Int[np.ndarray, " sample"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    carrier: Carrier,
    loop: TimingLoop = TimingLoop(),
) -> tuple[Float[np.ndarray, " report"], Int[np.ndarray, " report"]]:
    """N_TA as the sum of commands, in steps, and the command T_A − 31 of each report (0: none sent).

    At the first report the UE gets an absolute T_A by random access; afterwards a MAC CE of −31..+32
    steps corrects it once the offset leaves the dead band (TS 38.213 §4.2, TS 36.213 §4.2.3). Random access
    is repeated where the delay is unknown at the report before.

    Args:
        delay: one-way delay [s] that the network measures at each report; NaN where it detects nothing.
        access: first report of each sequence (`report_offsets[:-1]`), or a later handover's.
        report_offsets: reports of each sequence.
        carrier: whose uplink it is.
        loop: dead band.
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
        if self.alpha not in ALPHAS:
            raise InputError(f"α of power control is one of {ALPHAS}, not {self.alpha}")
        if self.power_class not in POWER_CLASS_DBM:
            raise InputError(f"power class {self.power_class} is not known; choose 2 or 3")

    @property
    def maximum_dbm(self) -> float:
        """P_CMAX [dBm]."""
        return POWER_CLASS_DBM[self.power_class]


def downlink_path_loss(
    rsrp_dbm: Float[np.ndarray, "*batch"], reference_power_dbm: float | Float[np.ndarray, "*batch"]
) -> Float[np.ndarray, "*batch"]:
    """PL [dB] as a UE estimates it: the signalled EPRE less its L3-filtered RSRP (text of §7.1.1 unverified)."""
    return reference_power_dbm - rsrp_dbm


def needed_power(
    path_loss_db: Float[np.ndarray, "*batch"],
    resource_blocks: int,
    numerology: int,
    control: UplinkPowerControl,
) -> Float[np.ndarray, "*batch"]:
    """P_O + 10·log10(2^μ·M_RB) + α·PL [dBm], before P_CMAX limits it; Δ_TF and f are 0."""
    bandwidth_db = 10 * np.log10(2**numerology * resource_blocks)
    return control.target_dbm + bandwidth_db + control.alpha * path_loss_db


def transmit_power(
    path_loss_db: Float[np.ndarray, "*batch"],
    resource_blocks: int,
    numerology: int,
    control: UplinkPowerControl,
) -> Float[np.ndarray, "*batch"]:
    """PUSCH power [dBm]: the least of P_CMAX and what is needed."""
    return np.minimum(control.maximum_dbm, needed_power(path_loss_db, resource_blocks, numerology, control))


def power_headroom(
    path_loss_db: Float[np.ndarray, "*batch"],
    resource_blocks: int,
    numerology: int,
    control: UplinkPowerControl,
) -> Float[np.ndarray, "*batch"]:
    """Type 1 power headroom [dB]: P_CMAX less what is needed; negative where the UE is power limited."""
    return control.maximum_dbm - needed_power(path_loss_db, resource_blocks, numerology, control)
