"""LightningDataModule: a report dataset's places and sequences, place by place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader

from raylocus.datasets.maps import PlaceMaps, place_maps
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.datasets.tensors import SequenceTensors, sequence_tensors
from raylocus.datasets.torch_dataset import PlaceBatches, PlaceSequences, SequenceDataset
from raylocus.errors import InputError
from raylocus.propagation.traced_place import open_place

#: A batch: index of the place within its split, the place's maps, and sequences.
Batch = tuple[int, PlaceMaps, SequenceTensors]


class ReportData(lightning.LightningDataModule):
    """Training and validation batches of one dataset."""

    def __init__(self, dataset: Path, batch_size: int = 16, seed: int = 1) -> None:
        """Names the data; it is read in `setup`.

        Args:
            dataset: a store that `raylocus dataset build` wrote.
            batch_size: sequences in a batch, all of one place.
            seed: seed of the order of batches.
        """
        super().__init__()
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self._splits: dict[str, SequenceDataset] = {}

    def setup(self, stage: str | None = None) -> None:
        """Reads the reports and the maps of their places.

        Raises:
            StoreError: the dataset or a place's maps cannot be read.
            InputError: the dataset has nothing to train on.
        """
        if self._splits:
            return
        stored = open_report_dataset(self.dataset)
        maps: dict[int, PlaceMaps] = {}
        self._splits = {
            split: split_sequences(stored, split, maps) for split in ("train", "validation", "test")
        }
        if not len(self._splits["train"]):
            raise InputError(
                f"{self.dataset} has no training sequences; give a place the split 'train' in its configuration"
            )

    @property
    def split_places(self) -> dict[str, SequenceDataset]:
        """The sequences of each split."""
        return self._splits

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches."""
        return self._loader("train", np.random.default_rng(self.seed))

    def val_dataloader(self) -> DataLoader[Batch]:
        """Batches of other worlds at the training places."""
        return self._loader("validation")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Batches of the places that training never saw."""
        return self._loader("test")

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch as it is: the network is small and trains on the CPU.

        Raises:
            InputError: the trainer was told to use another device.
        """
        if device.type != "cpu":
            raise InputError(
                f"training runs on the CPU, not on {device.type}; set trainer.accelerator to cpu"
            )
        return batch

    def _loader(self, split: str, generator: np.random.Generator | None = None) -> DataLoader[Batch]:
        places = self._splits[split]
        # The sampler names whole batches, so the loader must not make batches of them again.
        sampler = PlaceBatches(places, self.batch_size, generator)
        return DataLoader(places, sampler=sampler, batch_size=None, collate_fn=_unchanged)


def _unchanged(batch: Any) -> Any:
    """The batch itself: the loader's own conversion would make lists of tuples."""
    return batch


def split_sequences(dataset: ReportDataset, split: str, known: dict[int, PlaceMaps]) -> SequenceDataset:
    """The sequences of a split, place by place; `known` keeps the maps of places already read."""
    places = []
    for index in np.unique(dataset.place_index[dataset.split == split]):
        place = open_place(dataset.places[index])
        if int(index) not in known:
            known[int(index)] = place_maps(place)
        chosen = dataset.select((dataset.split == split) & (dataset.place_index == index))
        places.append(PlaceSequences(known[int(index)], sequence_tensors(chosen.reports, place.deployment)))
    return SequenceDataset(places)


def feature_statistics(dataset: SequenceDataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the columns of `datasets.tensors.OBSERVED` over a split."""
    observed = torch.cat([place.sequences.observed.flatten(0, 2) for place in dataset.places])
    count = (~observed.isnan()).sum(0).clamp(min=1)
    mean = observed.nansum(0) / count
    return mean, torch.sqrt(((observed - mean) ** 2).nansum(0) / count).clamp(min=1e-3)
