"""How far training is, by steps or by time, whichever is further."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class ScheduleConfiguration:
    """Learning rate and when to end."""

    learning_rate: float = 3e-3
    """Highest learning rate."""
    warmup_steps: int = 40
    """Optimiser steps until the highest learning rate."""
    steps: int = 1200
    """Optimiser steps after which training ends."""
    seconds: float = 300.0
    """Wall time after which training ends, where the machine is too slow for the steps [s]."""
    weight_decay: float = 0.01
    """AdamW's weight decay."""
    average_decay: float = 0.99
    """Decay a step of the moving average of the weights, which is what is kept."""


class Progress:
    """Share of training that is done, and the learning rate that belongs to it."""

    def __init__(self, configuration: ScheduleConfiguration) -> None:
        self.configuration = configuration
        self._start = time.monotonic()

    def restart(self) -> None:
        """Starts the clock."""
        self._start = time.monotonic()

    def share(self, step: int) -> float:
        """Share done in [0, 1]: by steps, or by time on a slow machine."""
        by_time = (time.monotonic() - self._start) / self.configuration.seconds
        return min(1.0, max(step / self.configuration.steps, by_time))

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (step + 1) / max(1, self.configuration.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * self.share(step)))
        return self.configuration.learning_rate * warm * (0.99 * cosine + 0.01)
