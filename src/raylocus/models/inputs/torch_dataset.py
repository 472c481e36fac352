"""A dataset's sequences for a torch `DataLoader`, in this process or in spawned workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from raylocus.datasets.store import ReportDataset
from raylocus.models.inputs.packed import PackedSequences, packed_sequences
from raylocus.models.inputs.place_batches import BatchIndex, BatchPart, SequenceGroup
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment


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
