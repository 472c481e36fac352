"""Cell selection and reselection of an idle UE (TS 38.304 §5.2.3, §5.2.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.rrc.filtering import reports_by_step
from raylocus.network.rrc.parameters import RESELECTION_HYSTERESIS_DB

#: A UE stays on a new cell at least this long [s] (TS 38.304 §5.2.4.6).
LEAST_STAY = 1.0


@dataclass(frozen=True)
class SelectionThresholds:
    """What SIB1 says of a cell."""

    least_level_dbm: float = -124.0
    """Q_rxlevmin + Q_rxlevminoffset [dBm]."""
    least_quality_db: float = -20.0
    """Q_qualmin + Q_qualminoffset [dB]."""
    allowed_power_dbm: float = 23.0
    """P_EMAX1 [dBm]."""
    power_class_dbm: float = 23.0
    """P_PowerClass of the UE [dBm]."""
    temporary_offset: float = 0.0
    """Qoffset_temp [dB], after failed connections."""
    hysteresis: float = 2.0
    """Q_hyst [dB]."""
    reselection_time: float = 1.0
    """Treselection [s]: 0 to 7."""

    def __post_init__(self) -> None:
        if self.hysteresis not in RESELECTION_HYSTERESIS_DB:
            raise InputError(
                f"q-Hyst cannot be {self.hysteresis} dB; TS 38.331 allows {RESELECTION_HYSTERESIS_DB}"
            )
        if self.reselection_time not in range(8):
            raise InputError(f"t-Reselection is 0 to 7 whole seconds, not {self.reselection_time}")


def selection_levels(
    rsrp: Float[np.ndarray, "*batch"], rsrq: Float[np.ndarray, "*batch"], thresholds: SelectionThresholds
) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]:
    """Srxlev and Squal [dB] (§5.2.3.2), with P_compensation = max(P_EMAX1 − P_PowerClass, 0) of FR1."""
    compensation = max(thresholds.allowed_power_dbm - thresholds.power_class_dbm, 0.0)
    level = rsrp - thresholds.least_level_dbm - compensation - thresholds.temporary_offset
    return level, rsrq - thresholds.least_quality_db - thresholds.temporary_offset


def suitable(
    rsrp: Float[np.ndarray, "*batch"], rsrq: Float[np.ndarray, "*batch"], thresholds: SelectionThresholds
) -> Bool[np.ndarray, "*batch"]:
    """The S-criterion: Srxlev > 0 and Squal > 0; false where nothing is measured."""
    level, quality = selection_levels(rsrp, rsrq, thresholds)
    with np.errstate(invalid="ignore"):
        return (level > 0) & (quality > 0)


def camped_cells(
    rsrp: Float[np.ndarray, "report cell"],
    rsrq: Float[np.ndarray, "report cell"],
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    thresholds: SelectionThresholds = SelectionThresholds(),
) -> Int[np.ndarray, "report"]:
    """The cell an idle UE camps on at each instant; −1 where none is suitable.

    The strongest suitable cell at first. Then the cell ranked best, R_n > R_s = Q_meas,s + Q_hyst, once
    it has been so for Treselection and the UE has stayed for more than 1 s; another at once where the
    own cell is no longer suitable.
    """
    level = np.where(suitable(rsrp, rsrq, thresholds), rsrp, -np.inf)
    best, any_cell = level.argmax(axis=1), np.isfinite(level.max(axis=1))
    camped = np.where(any_cell, best, -1)
    better_since, arrived = time.copy(), time.copy()
    for now in reports_by_step(report_offsets):
        own = camped[now - 1]
        mine = np.where(own >= 0, level[now, own], -np.inf)
        better = level[now].max(axis=1) > mine + thresholds.hysteresis
        same = (
            better & (best[now] == best[now - 1]) & _was_better(level, camped, now - 1, thresholds.hysteresis)
        )
        better_since[now] = np.where(same, better_since[now - 1], time[now])
        long_enough = time[now] - better_since[now] >= thresholds.reselection_time
        settled = time[now] - arrived[now - 1] > LEAST_STAY
        lost = np.isneginf(mine)
        moves = (better & long_enough & settled) | lost
        camped[now] = np.where(moves, np.where(any_cell[now], best[now], -1), own)
        arrived[now] = np.where(moves, time[now], arrived[now - 1])
    return camped


def _was_better(
    level: Float[np.ndarray, "report cell"],
    camped: Int[np.ndarray, "report"],
    instant: Int[np.ndarray, "chosen"],
    hysteresis: float,
) -> Bool[np.ndarray, "chosen"]:
    own = np.where(camped[instant] >= 0, level[instant, camped[instant]], -np.inf)
    return level[instant].max(axis=1) > own + hysteresis
