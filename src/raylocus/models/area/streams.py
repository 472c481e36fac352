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
    """The readings of one or several streams; of these the last one that was read is kept."""

    trained: TrainedAreaNetwork
    heard: HeardNetwork
    stream: Int[np.ndarray, " reading"]
    """Number of each reading's stream, ascending."""
    _read: dict[int, ReadNetwork] = field(default_factory=dict, repr=False)

    def tokens(self, readings: Int[np.ndarray, " wanted"]) -> AreaTokens:
        """The rows of some readings.

        Raises:
            CheckpointError: the network was adapted to another one than this.
        """
        ends = np.flatnonzero(np.diff(self.stream[readings])) + 1
        return AreaTokens.concatenate([self._of_stream(part) for part in np.split(readings, ends)])

    def _of_stream(self, readings: Int[np.ndarray, " wanted"]) -> AreaTokens:
        number = int(self.stream[readings[0]])
        first, stop = np.searchsorted(self.stream, [number, number + 1])
        if number not in self._read:
            self._read.clear()
            self._read[number] = self.trained.read(self.heard.select(np.arange(first, stop)))
        return self._read[number].tokens(readings - first)
