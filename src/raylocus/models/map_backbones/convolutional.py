"""Two convolutions: what lies within two coarse cells."""

from __future__ import annotations

import torch
from torch import nn


class Convolutional(nn.Sequential):
    """Two convolutions over maps [map, inputs, y, x], to [map, width, y, x]."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
        )
        # Convolutions on the CPU are several times faster in this layout.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
