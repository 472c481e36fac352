"""Batches for training: sequences of one place at a time, so that its maps are encoded once a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from raylocus.datasets.maps import PlaceMaps
from raylocus.datasets.tensors import SequenceTensors


@dataclass(frozen=True)
class PlaceSequences:
    """The sequences of one place, in however many worlds, and the place's maps."""

    maps: PlaceMaps
    sequences: SequenceTensors


@dataclass(frozen=True)
class BatchIndex:
    """Which sequences of which place."""

    place: int
    sequences: tuple[int, ...]


class SequenceDataset(Dataset[tuple[int, PlaceMaps, SequenceTensors]]):
    """Indexed by `BatchIndex`: gives the place's index, its maps, and a batch of its sequences."""

    def __init__(self, places: list[PlaceSequences]) -> None:
        self.places = places

    def __len__(self) -> int:
        return sum(len(place.sequences) for place in self.places)

    def __getitem__(self, index: BatchIndex) -> tuple[int, PlaceMaps, SequenceTensors]:
        place = self.places[index.place]
        return index.place, place.maps, place.sequences.select(torch.tensor(index.sequences))


class PlaceBatches(Sampler[BatchIndex]):
    """Every sequence once an epoch, in batches of one place; shuffled anew each epoch where a generator is given."""

    def __init__(
        self, dataset: SequenceDataset, batch_size: int, generator: np.random.Generator | None = None
    ) -> None:
        self.counts = [len(place.sequences) for place in dataset.places]
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self) -> int:
        return sum(-(-count // self.batch_size) for count in self.counts)

    def __iter__(self) -> Iterator[BatchIndex]:
        batches = [batch for place, count in enumerate(self.counts) for batch in self._batches(place, count)]
        if self.generator is not None:
            batches = [batches[index] for index in self.generator.permutation(len(batches))]
        return iter(batches)

    def _batches(self, place: int, count: int) -> list[BatchIndex]:
        order = np.arange(count) if self.generator is None else self.generator.permutation(count)
        starts = range(0, count, self.batch_size)
        return [
            BatchIndex(place, tuple(int(i) for i in order[start : start + self.batch_size]))
            for start in starts
        ]
