"""Where the chance of observation comes from: one stream, or one stream a UE so that batches do not matter."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from raylocus.network.rrc.filtering import reports_by_step


@runtime_checkable
class Chance(Protocol):
    """What measurement functions draw from: a `np.random.Generator` or a `SequenceChance`."""

    def standard_normal(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Standard normal numbers."""
        ...

    def random(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Numbers uniform over [0, 1)."""
        ...


@dataclass(frozen=True)
class SequenceChance:
    """Independent streams, one a sequence, whose rows are reports.

    Every draw's first axis is `report`; the rows of a sequence come from its own stream only, so the
    numbers that a UE gets do not depend on which UEs are observed beside it.
    """

    streams: tuple[np.random.Generator, ...]
    lengths: Int[np.ndarray, "sample"]
    """Reports of each sequence."""

    @classmethod
    def of(
        cls,
        seed: int,
        sequences: Int[np.ndarray, "sample"],
        lengths: Int[np.ndarray, "sample"],
        layer: tuple[int, ...] = (),
    ) -> SequenceChance:
        """Streams of some sequences, named by their index and a layer, under one seed."""
        seeds = (np.random.SeedSequence(seed, spawn_key=(int(index), *layer)) for index in sequences)
        return cls(tuple(np.random.Generator(np.random.PCG64(each)) for each in seeds), lengths)

    def keeping(self, lengths: Int[np.ndarray, "sample"]) -> SequenceChance:
        """The same streams, going on with other numbers of reports (0 where a sequence is gone)."""
        return SequenceChance(self.streams, lengths)

    def standard_normal(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Standard normal numbers; the first axis is `report`."""
        drawn = [
            stream.standard_normal((n, *size[1:]))
            for stream, n in zip(self.streams, self.lengths, strict=True)
        ]
        return np.concatenate(drawn) if drawn else np.zeros(size)

    def random(self, size: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Numbers uniform over [0, 1); the first axis is `report`."""
        drawn = [stream.random((n, *size[1:])) for stream, n in zip(self.streams, self.lengths, strict=True)]
        return np.concatenate(drawn) if drawn else np.zeros(size)


@dataclass(frozen=True)
class LayerStreams:
    """Streams of the same sequences for each layer, so that no layer's numbers depend on which others draw."""

    seed: int
    sequences: Int[np.ndarray, "sample"]
    """Index of each sequence."""
    lengths: Int[np.ndarray, "sample"]
    """Reports of each sequence."""

    def of(self, layer: str) -> SequenceChance:
        """The streams of a layer, from their beginning."""
        return SequenceChance.of(self.seed, self.sequences, self.lengths, (zlib.crc32(layer.encode()),))


def complex_normal(shape: tuple[int, ...], chance: Chance) -> np.ndarray:
    """Circular complex normal numbers of unit power."""
    parts = chance.standard_normal((*shape, 2))
    return (parts[..., 0] + 1j * parts[..., 1]) / np.sqrt(2)


def correlated_normal(
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    correlation_time: float,
    chance: Chance,
) -> Float[np.ndarray, "report"]:
    """Standard normal numbers that a sequence remembers: correlation exp(−Δt/T) (a Gauss–Markov process).

    Args:
        time: of the reports [s].
        report_offsets: reports of each sequence; every sequence starts anew.
        correlation_time: T [s].
        chance: source of all chance.
    """
    value = np.array(chance.standard_normal((len(time),)))
    for now in reports_by_step(report_offsets):
        kept = np.exp(-(time[now] - time[now - 1]) / correlation_time)
        value[now] = kept * value[now - 1] + np.sqrt(1 - kept**2) * value[now]
    return value
