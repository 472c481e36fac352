"""Batches of sequences of few places, and the dataset that PyTorch reads them from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Int
from torch.utils.data import Dataset, Sampler

from raylocus.datasets.store import ReportDataset
from raylocus.models.inputs.packed import PackedSequences, packed_sequences
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

#: Most sequences that are read together: a bound on memory, and enough to mix well.
GROUP_SIZE = 1024
#: Batches whose sequences are ordered by length together: more of them is less padding and less randomness.
BUCKET = 8


@dataclass(frozen=True)
class SequenceGroup:
    """Sequences of one place that are read together, in the order of the store."""

    place: int
    """Index of the place."""
    samples: Int[np.ndarray, " sequence"]
    """Index of each sequence in the dataset."""
    lengths: Int[np.ndarray, " sequence"]
    """Reports of each."""


@dataclass(frozen=True)
class BatchPart:
    """The share that one group has in a batch."""

    group: int
    rows: tuple[int, ...]
    """Indices into the group's sequences."""


#: A batch: the shares of one or a few groups.
BatchIndex = tuple[BatchPart, ...]


def sequence_groups(
    samples: Int[np.ndarray, " sequence"],
    place_index: Int[np.ndarray, " sequence"],
    lengths: Int[np.ndarray, " sequence"],
) -> tuple[SequenceGroup, ...]:
    """Some sequences of a dataset, given in ascending order, in groups of one place each."""
    groups = []
    for place in np.unique(place_index):
        chosen = np.flatnonzero(place_index == place)
        for start in range(0, len(chosen), GROUP_SIZE):
            part = chosen[start : start + GROUP_SIZE]
            groups.append(SequenceGroup(int(place), samples[part], lengths[part]))
    return tuple(groups)


def ordered_batches(groups: Sequence[SequenceGroup], batch_size: int) -> list[BatchIndex]:
    """Every sequence once, in the order of the store, in batches of one place."""
    return [
        (BatchPart(index, tuple(range(start, min(start + batch_size, len(group.samples))))),)
        for index, group in enumerate(groups)
        for start in range(0, len(group.samples), batch_size)
    ]


class MapGroupedBatches(Sampler[BatchIndex]):
    """Every sequence once an epoch, in random order, in batches of one or a few places.

    Groups come in a new order each epoch, and no more of them are mixed than are at hand, so a
    dataset of any number of places needs the maps and the reports of a few in memory at a time. The
    sequences of `BUCKET` batches are drawn at random and then ordered by length, so that those of a
    batch need little padding.
    """

    def __init__(
        self,
        groups: Sequence[SequenceGroup],
        batch_size: int,
        generator: np.random.Generator,
        places_per_batch: int = 1,
        at_hand: int = 8,
    ) -> None:
        """Names the groups.

        Args:
            groups: of one split.
            batch_size: sequences in a batch.
            generator: draws the order, again each epoch.
            places_per_batch: groups that share a batch, fewer where no others are left; their maps are all encoded
                for it.
            at_hand: groups that batches are mixed of at a time.
        """
        self._groups, self._generator = groups, generator
        self._part_size, self._parts_per_batch = batch_size // places_per_batch, places_per_batch
        self._at_hand = max(at_hand, places_per_batch)

    def __len__(self) -> int:
        parts = sum(ceil(len(group.samples) / self._part_size) for group in self._groups)
        return ceil(parts / self._parts_per_batch)

    def __iter__(self) -> Iterator[BatchIndex]:
        waiting: list[BatchPart] = []
        for part in self._parts():
            waiting.append(part)
            # The first of each group: a batch of as many places as may be teaches more, and they are worked on at once.
            first = list({each.group: each for each in reversed(waiting)}.values())
            if len(first) == self._parts_per_batch:
                yield tuple(first)
                waiting = [each for each in waiting if each not in first]
        for start in range(0, len(waiting), self._parts_per_batch):
            yield _merged(waiting[start : start + self._parts_per_batch])

    def _parts(self) -> Iterator[BatchPart]:
        order = self._generator.permutation(len(self._groups)).tolist()
        for start in range(0, len(order), self._at_hand):
            window = [
                part for index in order[start : start + self._at_hand] for part in self._bucketed(index)
            ]
            yield from (window[index] for index in self._generator.permutation(len(window)))

    def _bucketed(self, index: int) -> list[BatchPart]:
        lengths = self._groups[index].lengths
        drawn = self._generator.permutation(len(lengths))
        bucket = BUCKET * self._part_size
        rows: list[int] = []
        for start in range(0, len(drawn), bucket):
            pool = drawn[start : start + bucket]
            rows += pool[np.argsort(lengths[pool], kind="stable")].tolist()
        return [
            BatchPart(index, tuple(rows[start : start + self._part_size]))
            for start in range(0, len(rows), self._part_size)
        ]


def _merged(parts: Sequence[BatchPart]) -> BatchIndex:
    """Parts of one group become one, so that its maps are encoded once."""
    rows: dict[int, tuple[int, ...]] = {}
    for part in parts:
        rows[part.group] = rows.get(part.group, ()) + part.rows
    return tuple(BatchPart(group, chosen) for group, chosen in rows.items())


@dataclass(frozen=True)
class PackedPart:
    """The sequences of one place in a batch; the place's maps stay where they are."""

    place: int
    """Index of the place."""
    sequences: PackedSequences

    def pin_memory(self) -> PackedPart:
        """The same in pinned memory."""
        return PackedPart(self.place, self.sequences.pin_memory())


class GroupReader:
    """Reads groups of sequences from a store and keeps the most recently used ones.

    Random sequences of a compressed store cost a chunk each; a group is read in one go, and all its
    batches are cut from it.
    """

    def __init__(self, stored: ReportDataset, groups: Sequence[SequenceGroup], at_hand: int) -> None:
        """Names the data.

        Args:
            stored: the dataset.
            groups: what may be asked for.
            at_hand: groups that are kept.
        """
        self._stored, self._groups = stored, groups
        self._reports = lru_cache(maxsize=at_hand)(self._read)
        self._deployment = lru_cache(maxsize=at_hand)(self._find_deployment)

    def read(self, part: BatchPart) -> PackedPart:
        """Some sequences of a group.

        Raises:
            StoreError: they cannot be read.
        """
        place = self._groups[part.group].place
        reports = self._reports(part.group).select(np.array(part.rows))
        return PackedPart(place, packed_sequences(reports, self._deployment(place)))

    def _read(self, group: int) -> Reports:
        return self._stored.read(self._groups[group].samples)

    def _find_deployment(self, place: int) -> Deployment:
        return self._stored.place(place).deployment


class SequenceDataset(Dataset[list[PackedPart]]):
    """Indexed by `BatchIndex`. Every process opens the store for itself, when it first reads."""

    def __init__(self, stored: ReportDataset, groups: Sequence[SequenceGroup], at_hand: int) -> None:
        """Names the data; no report is read yet.

        Args:
            stored: the dataset.
            groups: that batches are made of.
            at_hand: groups that every process keeps in memory.
        """
        self._stored, self._groups, self._at_hand = stored, tuple(groups), at_hand
        self._reader: GroupReader | None = None

    def __len__(self) -> int:
        return sum(len(group.samples) for group in self._groups)

    def __getitem__(self, index: BatchIndex) -> list[PackedPart]:
        self._reader = self._reader or GroupReader(self._stored, self._groups, self._at_hand)
        return [self._reader.read(part) for part in index]

    def __getstate__(self) -> dict[str, Any]:
        # A worker starts with nothing read; the dataset itself leaves its open store behind.
        return {**vars(self), "_reader": None}


def unchanged(batch: list[PackedPart]) -> list[PackedPart]:
    """The batch itself: a loader's own conversion would make lists of tuples.

    It is defined here as a reading process imports what it is sent, and need not import Lightning.
    """
    return batch
