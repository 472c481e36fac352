"""How far training is, and the learning rate that belongs to it: both by optimiser steps, never by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raylocus.errors import InputError


@dataclass(frozen=True)
class ScheduleConfiguration:
    """Learning rate and when to end."""

    learning_rate: float = 3e-3
    """Highest learning rate."""
    warmup_steps: int = 40
    """Optimiser steps until the highest learning rate."""
    steps: int = 1200
    """Optimiser steps after which training ends."""
    weight_decay: float = 0.01
    """AdamW's weight decay."""
    average_decay: float = 0.99
    """Decay a step of the moving average of the weights, which is what is kept."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"training takes 1 step or more, not {self.steps}; set model.schedule.steps")

    def share(self, step: int) -> float:
        """Share of training that is done after a step, in [0, 1]."""
        return min(1.0, step / self.steps)

    def rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth of the highest learning rate."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * self.share(step)))
        return self.learning_rate * warm * (0.99 * cosine + 0.01)
