"""Path loss formulas of TR 38.901: the second opinion beside ray tracing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

#: Height of UEs over the terrain [m] that places are traced at unless their configuration says otherwise.
UE_HEIGHT = 1.5


def umi_los_path_loss(distance: Float[np.ndarray, "..."], frequency: float) -> Float[np.ndarray, "..."]:
    """UMi street canyon LOS below the breakpoint [dB]: 32.4 + 21·log d + 20·log f_GHz (Table 7.4.1-1)."""
    return 32.4 + 21 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)


def umi_nlos_path_loss(
    distance: Float[np.ndarray, "..."], frequency: float, ue_height: float = UE_HEIGHT
) -> Float[np.ndarray, "..."]:
    """UMi street canyon NLOS [dB]: max(LOS, 22.4 + 35.3·log d + 21.3·log f_GHz − 0.3(h_UT − 1.5)) (Table 7.4.1-1).

    Args:
        distance: 3-D distance [m].
        frequency: carrier [Hz].
        ue_height: h_UT, over the terrain [m].
    """
    slope = 22.4 + 35.3 * np.log10(np.maximum(distance, 1.0)) + 21.3 * np.log10(frequency / 1e9)
    return np.maximum(umi_los_path_loss(distance, frequency), slope - 0.3 * (ue_height - 1.5))


def uma_los_path_loss(distance: Float[np.ndarray, "..."], frequency: float) -> Float[np.ndarray, "..."]:
    """UMa LOS below the breakpoint [dB]: 28 + 22·log d + 20·log f_GHz (Table 7.4.1-1)."""
    return 28 + 22 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)


def uma_nlos_path_loss(
    distance: Float[np.ndarray, "..."], frequency: float, ue_height: float = UE_HEIGHT
) -> Float[np.ndarray, "..."]:
    """UMa NLOS [dB]: max(LOS, 13.54 + 39.08·log d + 20·log f_GHz − 0.6(h_UT − 1.5)) (Table 7.4.1-1).

    Args:
        distance: 3-D distance [m].
        frequency: carrier [Hz].
        ue_height: h_UT, over the terrain [m].
    """
    slope = 13.54 + 39.08 * np.log10(np.maximum(distance, 1.0)) + 20 * np.log10(frequency / 1e9)
    return np.maximum(uma_los_path_loss(distance, frequency), slope - 0.6 * (ue_height - 1.5))
