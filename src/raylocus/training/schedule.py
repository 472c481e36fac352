"""How long training takes and how fast it learns, and the lines that say where it is."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import lightning

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


class ProgressLines(lightning.Callback):
    """Prints share done, loss and time left every few seconds."""

    def __init__(self, every: float = 15.0) -> None:
        """Sets the pace.

        Args:
            every: seconds between two lines.
        """
        self._every = every
        self._started = self._printed = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts the clock."""
        self._started = self._printed = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Prints a line where one is due."""
        now, schedule = time.monotonic(), getattr(pl_module, "schedule", None)
        is_due = now - self._printed >= self._every and trainer.is_global_zero
        if not is_due or not isinstance(schedule, ScheduleConfiguration):
            return
        self._printed, share = now, schedule.share(trainer.global_step)
        left = (now - self._started) * (1 - share) / max(share, 1e-3)
        measured = trainer.callback_metrics
        numbers = [
            f"{label} {float(measured[key]):.2f}{unit}"
            for label, key, unit in (
                ("loss", "train/loss", ""),
                ("validation median", "validation/median_error", " m"),
            )
            if key in measured
        ]
        print(
            f"      {share:4.0%}, step {trainer.global_step}, {', '.join(numbers)}, {left:.0f} s left",
            flush=True,
        )
