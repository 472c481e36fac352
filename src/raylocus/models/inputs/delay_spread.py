"""RMS delay spreads as they are compared: in the logarithm, above what a receiver resolves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

#: Delay spreads under this are alike to a receiver of 100 MHz [s].
SHORTEST_SPREAD = 10e-9


def log_delay_spread(delay_spread: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """ln(1 + τ / `SHORTEST_SPREAD`) of RMS delay spreads τ [s]; NaN stays."""
    return torch.log1p(delay_spread / SHORTEST_SPREAD)


def mapped_log_spread(
    delay_spread: Float[np.ndarray, "site y x"], coarse: Callable[[Float[np.ndarray, "... y x"]], Tensor]
) -> Float[Tensor, "site coarse_y coarse_x"]:
    """Mean of the logarithm over the part of each coarse ground cell that has a path; NaN where none has.

    Args:
        delay_spread: of the native ground [s]; NaN where there is no path.
        coarse: means over coarse ground cells.
    """
    known = np.isfinite(delay_spread)
    logarithm = log_delay_spread(torch.from_numpy(delay_spread)).numpy()
    return coarse(np.where(known, logarithm, 0)) / coarse(known.astype(np.float32))
