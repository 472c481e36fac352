"""LightningModule: the network, its losses, its schedule, and the checkpoint that carries everything."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import lightning
import torch
from torch import Tensor

from raylocus.models.checkpoint import CHECKPOINT_KEY, Calibration, TrainedNetwork, checkpoint_content
from raylocus.models.configuration import NetworkConfiguration
from raylocus.models.density import estimate, fine_density
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, location_loss
from raylocus.provenance import Provenance
from raylocus.training.augmentation import AugmentationConfiguration, augmented
from raylocus.training.data import PlaceBatch, ReportData
from raylocus.training.schedule import ScheduleConfiguration
from raylocus.training.symmetry import random_cell_order, random_symmetry
from raylocus.training.weight_average import WeightAverage

#: Places whose evidence rasters are kept: as many as a training run usually mixes.
KEPT_RASTERS = 8


class LocationModule(lightning.LightningModule):
    """Trains a `LocationNetwork`; what is validated and kept is the average of its weights."""

    def __init__(
        self,
        network: NetworkConfiguration = NetworkConfiguration(),
        loss: LossConfiguration = LossConfiguration(),
        augmentation: AugmentationConfiguration = AugmentationConfiguration(),
        schedule: ScheduleConfiguration = ScheduleConfiguration(),
        seed: int = 1,
    ) -> None:
        """Builds the network.

        Args:
            network: sizes of the network.
            loss: weights of the losses.
            augmentation: how sequences are varied.
            schedule: learning rate and length of training.
            seed: seed of the augmentation.
        """
        super().__init__()
        self.network = LocationNetwork(network)
        self.average = WeightAverage(self.network, schedule.average_decay)
        self.loss, self.augmentation, self.schedule = loss, augmentation, schedule
        self.generator = torch.Generator().manual_seed(seed)
        self.calibration = Calibration()
        settings = {"network": network, "loss": loss, "augmentation": augmentation, "schedule": schedule}
        self.provenance = Provenance.collect(settings, seed)
        self._rasters = lru_cache(maxsize=KEPT_RASTERS)(evidence_rasters)

    @property
    def trained(self) -> TrainedNetwork:
        """What is kept: averaged weights, calibration and provenance."""
        return TrainedNetwork(self.average.network, self.calibration, self.provenance)

    def on_fit_start(self) -> None:
        """Takes the features' statistics from the training split."""
        data = self.trainer.datamodule
        if isinstance(data, ReportData):
            mean, scale = data.observed_statistics()
            for network in (self.network, self.average.network):
                network.radio_encoder.feature_mean.copy_(mean)
                network.radio_encoder.feature_scale.copy_(scale)
        # It is no part of the module, so Lightning does not move it.
        self.average.network.to(self.device)

    def on_fit_end(self) -> None:
        """Brings what is kept back to the CPU, where it is calibrated."""
        self.average.network.cpu()

    def training_step(self, batch: list[PlaceBatch], batch_idx: int) -> Tensor:
        """Mean loss of a batch's sequences, each place under a random symmetry of the plane."""
        losses = torch.stack([self._loss(part) for part in batch])
        counts = losses.new_tensor([len(part.sequences) for part in batch])
        loss = losses @ (counts / counts.sum())
        self.log("train/loss", loss, prog_bar=True, batch_size=int(counts.sum()))
        return loss

    def _loss(self, batch: PlaceBatch) -> Tensor:
        symmetry = random_symmetry(self.generator)
        beams = batch.maps.beams_of_cell
        maps = symmetry.place(batch.maps)
        rasters = symmetry.rasters(self._rasters(batch.maps), beams)
        varied = augmented(batch.sequences, self.augmentation, self.generator)
        sequences = symmetry.sequences(varied, beams)
        if self.augmentation.cell_permutation:
            order = random_cell_order(maps, self.generator)
            maps, rasters, sequences = order.place(maps), order.rasters(rasters), order.sequences(sequences)
        output = self.network(sequences, self.network.encode_place(maps, rasters))
        return location_loss(output.prediction, sequences, maps, self.loss)

    def on_train_batch_end(self, *_: Any) -> None:
        """Moves the averaged weights; ends training after its last step."""
        self.average.update(self.network)
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
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what a locator needs, so that any checkpoint of Lightning's can serve."""
        checkpoint[CHECKPOINT_KEY] = checkpoint_content(self.trained)

    def _judge(self, batch: list[PlaceBatch], split: str) -> None:
        network = self.average.network
        for part in batch:
            maps, sequences = part.maps, part.sequences
            prediction = network(sequences, network.encode_place(maps, self._rasters(maps))).prediction
            density = fine_density(prediction, maps, self.calibration.temperature)
            error = (estimate(density, maps, self.calibration.estimator) - sequences.target).norm(dim=-1)
            loss = location_loss(prediction, sequences, maps, self.loss)
            self.log(f"{split}/loss", loss, batch_size=len(sequences))
            self.log(f"{split}/median_error", error.median(), prog_bar=True, batch_size=len(sequences))
