"""Uplink power control of PUSCH and the power headroom report (TS 38.213 §7.1.1, §7.7.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.errors import InputError

#: P_CMAX of power classes 2 and 3 [dBm].
POWER_CLASS_DBM = {2: 26.0, 3: 23.0}
#: Values of α (TS 38.331 Alpha).
ALPHAS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


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
