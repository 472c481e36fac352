"""Training's progress as plain lines, which read the same on a terminal, in a file and in CI."""

from __future__ import annotations

import time
from typing import Any

import lightning

from raylocus.training.schedule import ScheduleConfiguration


class ProgressLines(lightning.Callback):
    """Prints share done, loss and time left every few seconds."""

    def __init__(self, every: float = 15.0) -> None:
        """Sets the pace.

        Args:
            every: seconds between two lines.
        """
        self._every = every
        self._started = self._told = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Starts the clock."""
        self._started = self._told = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any
    ) -> None:
        """Prints a line where one is due."""
        now, schedule = time.monotonic(), getattr(pl_module, "schedule", None)
        if now - self._told < self._every or not isinstance(schedule, ScheduleConfiguration):
            return
        self._told, share = now, schedule.share(trainer.global_step)
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
