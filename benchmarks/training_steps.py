"""What a training step costs, and where it leads.

    python benchmarks/training_steps.py datasets/demo.zarr [--steps 20] [--places 1] [--seed 1]

Processor time, so other work on the machine does not count as such; a step that waits for the memory that others use is
slower nevertheless. By the clock as well, for several places of a batch are worked on at once.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch

from raylocus.training.cli import quieten_lightning
from raylocus.training.data import ReportData
from raylocus.training.module import LocationModule

#: Steps that are not counted: places are read and their rasters made in them.
FIRST = 4
BATCH = 16


class StepClock(lightning.Callback):
    """Processor time of each step's loss and gradients and of what follows, time by the clock, and its loss."""

    def __init__(self) -> None:
        self.times: list[list[float]] = []
        self.began: list[float] = []
        self.losses: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """A step begins; its batch is at hand."""
        self.times.append([time.process_time()])
        self.began.append(time.perf_counter())

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        """The loss is known, and so are the gradients of its parts."""
        self.losses.append(float(loss.detach()))

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        """The gradients are added."""
        self.times[-1].append(time.process_time())

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The weights have changed."""
        self.times[-1].append(time.process_time())


def main() -> None:
    """Prints milliseconds a step, sequences a second, and the losses."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument(
        "--places", type=int, default=1, help="of a batch, each with 16 sequences and a thread"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.places)
    quieten_lightning()
    lightning.seed_everything(arguments.seed, verbose=False)
    clock = StepClock()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=FIRST + arguments.steps,
        limit_val_batches=0,
        gradient_clip_val=1.0,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    sequences = BATCH * arguments.places
    data = ReportData(
        str(arguments.dataset), sequences, seed=arguments.seed, places_per_batch=arguments.places
    )
    trainer.fit(LocationModule(seed=arguments.seed), datamodule=data)
    spent = 1000 * np.diff(clock.times[FIRST:], axis=1)
    gradients, rest = spent.mean(0)
    mean, median = spent.sum(1).mean(), np.median(spent.sum(1))
    clock_time = np.diff(clock.began[FIRST:]).mean()
    print(f"CPU ms a step of {sequences} sequences  loss and gradients {gradients:.0f}, rest {rest:.0f}")
    print(
        f"mean {mean:.0f}, median {median:.0f} ms: {1000 * sequences / mean:.1f} sequences a second of one core, "
        f"{sequences / clock_time:.1f} a second by the clock"
    )
    print("losses of the first steps and the last:", *(f"{each:.4f}" for each in clock.losses[:4]), end=" … ")
    print(f"{clock.losses[-1]:.4f}")


if __name__ == "__main__":
    main()
