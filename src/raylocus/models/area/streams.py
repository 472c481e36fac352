"""Streams of reports: each says of its network what its own reports say, and all go through the network together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int

from raylocus.models.area.tokens import AreaTokens, ReadNetwork
from raylocus.models.area.trained import TrainedAreaNetwork
from raylocus.network.field.heard import HeardNetwork


@dataclass(frozen=True)
class Streams:
    """The readings of one or several streams; those that were read last are kept."""

    trained: TrainedAreaNetwork
    heard: HeardNetwork
    stream: Int[np.ndarray, " reading"]
    """Number of each reading's stream, ascending."""
    _read: dict[tuple[int, ...], ReadNetwork] = field(default_factory=dict, repr=False)

    def tokens(self, readings: Int[np.ndarray, " wanted"]) -> AreaTokens:
        """The rows of some readings.

        Raises:
            CheckpointError: the network was adapted to another one than this.
        """
        numbers = np.unique(self.stream[readings])
        place, key = np.searchsorted(numbers, self.stream), tuple(numbers.tolist())
        members = np.flatnonzero(numbers[np.minimum(place, len(numbers) - 1)] == self.stream)
        if key not in self._read:
            self._read.clear()
            stream = place[members]
            self._read[key] = self.trained.read(self.heard.select(members), stream)
        return self._read[key].tokens(np.searchsorted(members, readings))
