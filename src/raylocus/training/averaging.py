"""The moving average of the weights, which is what is validated and kept."""

from __future__ import annotations

from functools import partial
from typing import TypeVar, cast

import lightning
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

M = TypeVar("M", bound=lightning.LightningModule)


class AveragedWeights(WeightAveraging):
    """Exponential moving average of the weights with a short memory at first, on the device that trains.

    Lightning puts the average in the module's place while it validates, in every checkpoint's `state_dict` and
    after training, and goes on from it where a checkpoint is resumed.
    """

    def __init__(self, decay: float) -> None:
        """Sets the memory.

        Args:
            decay: share of the average that a step keeps, once some hundred steps are done.
        """
        # Buffers are the statistics of the features, which are no weights: the average has the module's own.
        super().__init__(use_buffers=False, avg_fn=partial(moved_average, decay))

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Makes the average where it will be needed: the module itself is moved only later."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    def averaged(self, module: M) -> M:
        """The module with averaged weights; the module itself where no training is under way."""
        return module if self._average_model is None else cast("M", self._average_model.module)


def moved_average(decay: float, average: Tensor, weight: Tensor, updates: Tensor | int) -> Tensor:
    """An average after one more step; the first `updates` steps are done, and the first one is the weights."""
    steps = int(updates) + 1
    return average.lerp(weight, 1 - min(decay, (1 + steps) / (10 + steps)))
