"""Building penetration loss of TR 38.901 §7.4.3.1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from raylocus.errors import InputError
from raylocus.units import from_decibel, to_decibel

#: Loss of a way of 1 m indoors [dB], and standard deviation of the low and the high loss model [dB] (T 7.4.3-2).
LOSS_PER_METRE = 0.5
DEVIATION_DB = (4.4, 6.5)


@dataclass(frozen=True)
class BuildingLoss:
    """The law of building penetration loss."""

    high_loss_share: float = 0.5
    """Share of the UEs in buildings of infrared-reflecting glass (TR 38.901 T 7.2-1: 50 % in UMa)."""

    def __post_init__(self) -> None:
        if not 0 <= self.high_loss_share <= 1:
            raise InputError("the share of high-loss buildings lies between 0 and 1")


def wall_loss_db(frequency: float, high_loss: Bool[np.ndarray, " ue"]) -> Float[np.ndarray, " ue"]:
    """PL_tw [dB] of a wall at a frequency [Hz]: 5 − 10·log10(Σ share·10^(−L/10)) (TR 38.901 T 7.4.3-1 and -2).

    Low loss: 0.3 of standard glass, 2 + 0.2f, and 0.7 of concrete, 5 + 4f; high loss: 0.7 of
    infrared-reflecting glass, 23 + 0.3f, and 0.3 of concrete, with f in GHz.
    """
    ghz = frequency / 1e9
    glass, reflecting, concrete = (
        from_decibel(-level) for level in (2 + 0.2 * ghz, 23 + 0.3 * ghz, 5 + 4 * ghz)
    )
    mixed = np.where(high_loss, 0.7 * reflecting + 0.3 * concrete, 0.3 * glass + 0.7 * concrete)
    return 5 - to_decibel(mixed)


def penetration_loss_db(
    depth: Float[np.ndarray, " report"],
    frequency: float,
    law: BuildingLoss,
    uniform: Float[np.ndarray, " report"],
    normal: Float[np.ndarray, " report"],
) -> Float[np.ndarray, " report"]:
    """PL_tw + 0.5·d_2D-in + N(0, σ_P²) [dB] of UEs indoors, 0 outdoors (TR 38.901 §7.4.3.1).

    Depth is the way indoors [m]; the uniform number, which decides the kind, and the normal one are the same in
    all reports of a UE.
    """
    high = uniform < law.high_loss_share
    deviation = np.where(high, DEVIATION_DB[1], DEVIATION_DB[0]) * normal
    loss = wall_loss_db(frequency, high) + LOSS_PER_METRE * depth + deviation
    return np.where(depth > 0, np.maximum(loss, 0.0), 0.0)
