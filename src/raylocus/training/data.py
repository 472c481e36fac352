"""LightningDataModule: a report dataset's sequences, packed on the way and dense on the device, and their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader

from raylocus.datasets.folders import require_intact
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.errors import InputError
from raylocus.models.configuration import MapLayerChoice
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.packed import packed_sequences
from raylocus.models.inputs.place_batches import (
    BatchIndex,
    MapGroupedBatches,
    PackedPart,
    SequenceDataset,
    SequenceGroup,
    ordered_batches,
    sequence_groups,
    unchanged,
)
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.map_inputs import MAP_INPUTS
from raylocus.units import timing_advance_distance


@dataclass(frozen=True, eq=False)
class PlaceBatch:
    """Sequences of one place and the place's maps, on the device."""

    maps: PlaceMaps
    """The same object in every batch, so that what is made of it can be kept."""
    sequences: SequenceTensors
    folder: Path
    """Where the place was traced, as the dataset's configuration says; it need not be there."""


class ReportData(lightning.LightningDataModule):
    """Training, validation and test batches of one dataset: each a list of `PlaceBatch`, one a place."""

    def __init__(
        self,
        dataset: str,
        batch_size: int = 16,
        seed: int = 1,
        places_per_batch: int = 1,
        places_at_hand: int = 8,
        num_workers: int = 0,
    ) -> None:
        """Names the data; it is opened in `setup` and read when it is asked for.

        Args:
            dataset: path or URL of a store that `raylocus dataset build` wrote.
            batch_size: sequences in a batch.
            seed: seed of the order of batches.
            places_per_batch: places that share a training batch, at most.
            places_at_hand: places whose maps are kept on the device, and groups of sequences that every
                process keeps in memory; training mixes as many at a time.
            num_workers: processes that read ahead, spawned once; 0 reads in this one.
        """
        super().__init__()
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self.places_per_batch, self.places_at_hand = places_per_batch, places_at_hand
        self.num_workers = num_workers
        #: What the network that is trained sees of maps; `LocationModule` says it.
        self.map_layers: MapLayerChoice = "levels"
        self._stored: ReportDataset | None = None
        self._maps = lru_cache(maxsize=places_at_hand)(self._read_maps)

    @property
    def stored(self) -> ReportDataset:
        """The dataset, opened by `setup`."""
        if self._stored is None:
            self.setup()
        assert self._stored is not None
        return self._stored

    def setup(self, stage: str | None = None) -> None:
        """Opens the dataset and checks every byte of it.

        Raises:
            StoreError: the dataset is absent, damaged, or of another schema version.
            InputError: the dataset has nothing to train on, or a batch cannot be shared by that many places.
        """
        if self._stored is not None:
            return
        if not 1 <= self.places_per_batch <= self.batch_size:
            raise InputError(
                f"a batch of {self.batch_size} sequences cannot be of {self.places_per_batch} places; "
                "set places_per_batch between 1 and batch_size"
            )
        require_intact(self.dataset)
        stored = open_report_dataset(self.dataset)
        if not np.any(stored.split == "train"):
            raise InputError(
                f"{self.dataset} has no training sequences; give a place the split 'train' in its configuration"
            )
        self._stored = stored

    def train_dataloader(self) -> DataLoader[list[PackedPart]]:
        """Shuffled batches of few places, of about equally long sequences."""
        groups = self._groups("train")
        generator = np.random.default_rng(self.seed)
        batches = MapGroupedBatches(
            groups, self.batch_size, generator, self.places_per_batch, self.places_at_hand
        )
        return self._loader(groups, batches)

    def val_dataloader(self) -> DataLoader[list[PackedPart]]:
        """Batches of the validation split, in the order of the store."""
        return self._ordered("validation")

    def test_dataloader(self) -> DataLoader[list[PackedPart]]:
        """Batches of the places that training never saw, in the order of the store."""
        return self._ordered("test")

    def transfer_batch_to_device(
        self, batch: list[PackedPart], device: torch.device, dataloader_idx: int
    ) -> list[PlaceBatch]:
        """The batch on the device: tokens travel packed and become dense there, maps are there already."""
        return [
            PlaceBatch(
                self._maps(part.place, device), part.sequences.to(device).dense(), self._folder(part.place)
            )
            for part in batch
        ]

    def validation_worlds(self) -> Iterator[PlaceBatch]:
        """The validation split without a trainer, on the CPU: the sequences of one world at a time."""
        chosen = np.flatnonzero(self.stored.split == "validation")
        worlds = self.stored.world_index[chosen]
        for world in np.unique(worlds):
            samples = chosen[worlds == world]
            place = int(self.stored.place_index[samples[0]])
            sequences = packed_sequences(self.stored.read(samples), self.stored.place(place).deployment)
            yield PlaceBatch(self._maps(place, torch.device("cpu")), sequences.dense(), self._folder(place))

    def feature_statistics(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation of every feature of the training split, in the unit of `SequenceTensors`."""
        stored = self.stored
        units = {"timing_advance": self._timing_step(stored)}
        rows = zip(
            stored.feature_names,
            stored.statistics.mean,
            stored.statistics.standard_deviation,
            strict=True,
        )
        return {
            name: (float(mean) * units.get(name, 1.0), float(deviation) * units.get(name, 1.0))
            for name, mean, deviation in rows
            if np.isfinite(mean)
        }

    def _timing_step(self, stored: ReportDataset) -> float:
        """Metres of a step of timing advance, a mean where training places differ in numerology."""
        places, counts = np.unique(stored.place_index[stored.split == "train"], return_counts=True)
        carriers = [stored.place(int(place)).deployment.carriers for place in places]
        steps = [np.mean([timing_advance_distance(each.numerology) for each in own]) for own in carriers]
        return float(np.average(steps, weights=counts))

    def _groups(self, split: str) -> tuple[SequenceGroup, ...]:
        samples = np.flatnonzero(self.stored.split == split)
        return sequence_groups(
            samples, self.stored.place_index[samples], self.stored.sequence_lengths[samples]
        )

    def _ordered(self, split: str) -> DataLoader[list[PackedPart]]:
        groups = self._groups(split)
        return self._loader(groups, ordered_batches(groups, self.batch_size))

    def _loader(
        self, groups: tuple[SequenceGroup, ...], batches: MapGroupedBatches | list[BatchIndex]
    ) -> DataLoader[list[PackedPart]]:
        """The sampler names whole batches, so the loader must not make batches of them again."""
        return DataLoader(
            SequenceDataset(self.stored, groups, self.places_at_hand),
            sampler=batches,
            batch_size=None,
            collate_fn=unchanged,
            num_workers=self.num_workers,
            # A fork after zarr has started its threads can hang: workers are spawned, and kept.
            multiprocessing_context="spawn" if self.num_workers else None,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _folder(self, place: int) -> Path:
        return self.stored.configuration.places[place].folder

    def _read_maps(self, place: int, device: torch.device) -> PlaceMaps:
        return MAP_INPUTS[self.map_layers].maps_of(self.stored.place(place)).to(device)
