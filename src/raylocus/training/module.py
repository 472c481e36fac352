"""LightningModule: the network, its losses, its schedule, and the checkpoint that carries everything."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from raylocus.errors import InputError
from raylocus.execution.side_by_side import side_by_side
from raylocus.execution.threads import one_thread
from raylocus.models.checkpoint import (
    CHECKPOINT_KEY,
    PosteriorCalibration,
    TrainedNetwork,
    checkpoint_content,
    load_network,
)
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.density import estimate, fine_density
from raylocus.models.evidence.deviations import feature_deviations
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, local_mean, location_loss
from raylocus.models.physics.live import feature_field
from raylocus.models.physics.residuals import physics_loss
from raylocus.provenance import Provenance
from raylocus.training.augmentation import AugmentationConfiguration, augmented, varied_place
from raylocus.training.averaging import AveragedWeights
from raylocus.training.data import PlaceBatch, ReportData
from raylocus.training.known_loss import KnownLoss, loss_and_gradients
from raylocus.training.schedule import ScheduleConfiguration
from raylocus.training.symmetry import random_cell_order, random_symmetry

#: Places whose evidence rasters are kept: as many as a training run usually mixes.
KEPT_RASTERS = 8


class LocationModule(lightning.LightningModule):
    """Trains a `LocationNetwork`; what is validated and kept is the average of its weights."""

    def __init__(
        self,
        network: LocationNetworkConfiguration = LocationNetworkConfiguration(),
        loss: LossConfiguration = LossConfiguration(),
        augmentation: AugmentationConfiguration = AugmentationConfiguration(),
        schedule: ScheduleConfiguration = ScheduleConfiguration(),
        seed: int = 1,
        start: Path | None = None,
        sharpening: float = 0.0,
    ) -> None:
        """Builds the network, or takes that of a checkpoint to go on from.

        Args:
            network: sizes of the network.
            loss: weights of the losses.
            augmentation: how sequences are varied.
            schedule: learning rate and length of training.
            seed: seed of the augmentation.
            start: checkpoint whose weights, sizes and feature statistics training starts from; its `network` is then
                not looked at.
            sharpening: of answers by the fit of maps, see `PosteriorCalibration`; where worlds err by different
                amounts.

        Raises:
            CheckpointError: `start` is no checkpoint of this version.
        """
        super().__init__()
        self.network = LocationNetwork(network) if start is None else load_network(start).network.train()
        self.fresh = start is None
        self.averaging = AveragedWeights(schedule.average_decay)
        self.loss, self.augmentation, self.schedule = loss, augmentation, schedule
        self.seed, self.generator = seed, torch.Generator().manual_seed(seed)
        self.calibration = PosteriorCalibration(sharpening=sharpening)
        settings = {
            "network": self.network.configuration,
            "loss": loss,
            "augmentation": augmentation,
            "schedule": schedule,
        }
        self.provenance = Provenance.collect(settings, seed)
        self._rasters = lru_cache(maxsize=KEPT_RASTERS)(evidence_rasters)
        self._one_thread, self._side_by_side = ExitStack(), 1
        self._fields = lru_cache(maxsize=KEPT_RASTERS)(partial(feature_field, loss.physics_by))

    @property
    def trained(self) -> TrainedNetwork:
        """What is kept: averaged weights, calibration and provenance."""
        return TrainedNetwork(self.averaging.averaged(self).network, self.calibration, self.provenance)

    def configure_callbacks(self) -> list[lightning.Callback]:
        """The average of the weights belongs to the module, not to how it is trained."""
        return [self.averaging]

    def setup(self, stage: str) -> None:
        """Asks the data for the layers of maps that the network sees."""
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, ReportData):
            data.map_layers = self.network.configuration.map_layers

    def on_fit_start(self) -> None:
        """Takes the features' statistics from the training split; every process varies its sequences otherwise."""
        self.generator.manual_seed(self.seed + self.global_rank)
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, ReportData) and self.fresh:
            statistics = data.feature_statistics()
            for module in (self, self.averaging.averaged(self)):
                module.network.radio_encoder.set_statistics(statistics)

    def on_train_start(self) -> None:
        """One thread for each place of a batch: steps are the faster for it, and the same on every machine."""
        threads = self._one_thread.enter_context(one_thread())
        self._side_by_side = threads if self.device.type == "cpu" else 1

    def on_train_end(self) -> None:
        """As many threads as before."""
        self._one_thread.close()

    def training_step(self, batch: list[PlaceBatch], batch_idx: int) -> Tensor:
        """Mean loss of a batch's sequences, each place under a random symmetry of the plane."""
        weights = tuple(self.parameters())
        seeds = torch.randint(2**62, (len(batch),), generator=self.generator).tolist()

        def of_part(index: int) -> KnownLoss:
            generator = torch.Generator().manual_seed(seeds[index])
            return loss_and_gradients(lambda: self._finite(self._loss(batch[index], generator)), weights)

        parts = list(side_by_side(of_part, range(len(batch)), min(self._side_by_side, len(batch))))
        losses = torch.stack([part.attached(weights) for part in parts])
        counts = losses.new_tensor([len(part.sequences) for part in batch])
        loss = losses @ (counts / counts.sum())
        self.log("train/loss", loss, prog_bar=True, batch_size=int(counts.sum()))
        return loss

    def _finite(self, loss: Tensor) -> Tensor:
        """The loss, which is a number: what interpolates at positions that are none would read anywhere, going back."""
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss of step {self.global_step} is not a number, so training ends here; check the dataset with "
                "raylocus dataset inspect, or lower model.schedule.learning_rate"
            )
        return loss

    def _loss(self, batch: PlaceBatch, generator: torch.Generator) -> Tensor:
        symmetry = random_symmetry(generator)
        beams = batch.maps.beams_of_cell
        maps = symmetry.place(varied_place(batch.maps, self.augmentation, generator))
        rasters = symmetry.rasters(self._rasters(batch.maps), beams)
        varied = augmented(batch.sequences, self.augmentation, generator)
        sequences = symmetry.sequences(varied, beams)
        if self.augmentation.cell_permutation:
            order = random_cell_order(maps, generator)
            maps, rasters, sequences = order.place(maps), order.rasters(rasters), order.sequences(sequences)
        output = self.network(sequences, self.network.encode_place(maps, rasters), generator)
        # Physics is the same under any symmetry and order of cells, and paths exist in the place as it stands.
        where = symmetry.back(local_mean(output.prediction))
        return location_loss(output.prediction, sequences, maps, self.loss) + self._physics(
            where, dataclasses.replace(batch, sequences=varied)
        )

    def _physics(self, where: Tensor, batch: PlaceBatch) -> Tensor:
        """The weighted physics loss of predicted positions [m]."""
        if not self.loss.physics:
            return where.new_zeros(())
        expected = self._fields(batch.maps, batch.folder).at(where)
        deviations = feature_deviations(self.network.evidence)
        return self.loss.physics * physics_loss(
            expected, batch.sequences, batch.maps.site_of_cell, deviations
        )

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Ends training after its last step."""
        done = self.schedule.share(self.global_step)
        self.log("train/progress", done, prog_bar=True)
        if done >= 1:
            self.trainer.should_stop = True

    def validation_step(self, batch: list[PlaceBatch], batch_idx: int) -> None:
        """Loss and median error of the averaged weights."""
        self._judge(batch, "validation")

    def test_step(self, batch: list[PlaceBatch], batch_idx: int) -> None:
        """The same on places that training never saw."""
        self._judge(batch, "test")

    def configure_optimizers(self) -> Any:
        """AdamW; scales and exponents of the evidence are not decayed, for their zero means something."""
        physical = [value for name, value in self.network.named_parameters() if ".log_" in name]
        others = [value for name, value in self.network.named_parameters() if ".log_" not in name]
        groups = [
            {"params": others, "weight_decay": self.schedule.weight_decay},
            {"params": physical, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=1.0)
        # A function, for of any other callable torch keeps the attributes in the checkpoint.
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.schedule.rate(step))  # noqa: PLW0108
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what a locator needs, so that any checkpoint of Lightning's can serve."""
        checkpoint[CHECKPOINT_KEY] = checkpoint_content(self.trained)

    def _judge(self, batch: list[PlaceBatch], split: str) -> None:
        for part in batch:
            maps, sequences = part.maps, part.sequences
            prediction = self.network(
                sequences, self.network.encode_place(maps, self._rasters(maps))
            ).prediction
            density = fine_density(prediction, maps, self.calibration.temperature)
            error = (estimate(density, maps, self.calibration.estimator) - sequences.target).norm(dim=-1)
            loss = location_loss(prediction, sequences, maps, self.loss)
            loss = loss + self._physics(local_mean(prediction), part)
            self.log(f"{split}/loss", loss, batch_size=len(sequences), sync_dist=True)
            self.log(
                f"{split}/median_error",
                error.median(),
                prog_bar=True,
                batch_size=len(sequences),
                sync_dist=True,
            )
