"""The columns of a dataset: flat arrays over (sample,), (report,) and (token,) with offsets between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from jaxtyping import Int, Shaped
from zarr.codecs import BloscCodec, BloscShuffle

#: Rows of a chunk, the least that is read, and chunks of a shard, one file.
CHUNK_ROWS, SHARD_CHUNKS = 8192, 32


def compressor() -> BloscCodec:
    """What every array is compressed with."""
    return BloscCodec(cname="zstd", clevel=7, shuffle=BloscShuffle.bitshuffle)


@dataclass(frozen=True)
class StoredColumn:
    """One array of a dataset."""

    name: str
    dimensions: tuple[str, ...]
    """The first one is what rows are: sample, report, token, or one of them and the end."""
    dtype: str
    attributes: dict[str, Any]
    trailing: tuple[int, ...] = ()
    """Sizes of the other dimensions."""
    fill: float | int | bool = 0


class ColumnWriter:
    """Writes a column part by part, each shard once."""

    def __init__(self, group: zarr.Group, column: StoredColumn, rows: int) -> None:
        """Creates the array of so many rows."""
        chunk = max(1, min(CHUNK_ROWS, rows))
        chunks = min(SHARD_CHUNKS, max(1, -(-rows // chunk)))
        self._array = group.create_array(
            column.name,
            shape=(rows, *column.trailing),
            chunks=(chunk, *column.trailing),
            shards=(chunk * chunks, *column.trailing),
            dtype=column.dtype,
            compressors=compressor(),
            fill_value=column.fill,
            attributes=column.attributes,
            dimension_names=column.dimensions,
        )
        self._shard = chunk * chunks
        self._waiting: list[Shaped[np.ndarray, "part ..."]] = []
        self._written = 0

    def append(self, values: Shaped[np.ndarray, "part ..."]) -> None:
        """Takes the next rows."""
        self._waiting.append(values.astype(self._array.dtype))
        count = sum(map(len, self._waiting))
        if count >= self._shard:
            self._write(count // self._shard * self._shard)

    def finish(self) -> None:
        """Writes what is left."""
        self._write(sum(map(len, self._waiting)))

    def _write(self, count: int) -> None:
        """Writes so many of the waiting rows, shard by shard."""
        if not count:
            return
        waiting = np.concatenate(self._waiting)
        for start in range(0, count, self._shard):
            part = waiting[start : min(start + self._shard, count)]
            self._array[self._written : self._written + len(part)] = part
            self._written += len(part)
        self._waiting = [waiting[count:]]


def rows_of(
    array: zarr.Array[Any], starts: Int[np.ndarray, " range"], stops: Int[np.ndarray, " range"]
) -> Shaped[np.ndarray, "row ..."]:
    """The rows of ranges, in their order; only chunks that hold some of them are read."""
    starts, stops = _joined(starts, stops)
    read = [(first, last, np.asarray(array[first:last])) for first, last in spans(starts, stops)]
    firsts = np.array([first for first, _, _ in read])
    owners = np.searchsorted(firsts, starts, side="right") - 1
    parts = [
        read[owner][2][start - read[owner][0] : stop - read[owner][0]]
        for owner, start, stop in zip(owners, starts, stops, strict=True)
        if stop > start
    ]
    return np.concatenate(parts) if parts else np.asarray(array[:0])


def _joined(
    starts: Int[np.ndarray, " range"], stops: Int[np.ndarray, " range"]
) -> tuple[Int[np.ndarray, " stretch"], Int[np.ndarray, " stretch"]]:
    """The same rows in fewer ranges: one that begins where the one before it ends is part of it."""
    new = starts[1:] != stops[:-1]
    first, last = np.r_[True, new][: len(starts)], np.r_[new, True][: len(stops)]
    return starts[first], stops[last]


def spans(starts: Int[np.ndarray, " range"], stops: Int[np.ndarray, " range"]) -> Sequence[tuple[int, int]]:
    """Ascending stretches of rows that cover the ranges; gaps of less than a chunk are read along."""
    merged: list[tuple[int, int]] = []
    for index in np.argsort(starts, kind="stable"):
        start, stop = int(starts[index]), int(stops[index])
        if stop <= start:
            continue
        if merged and start - merged[-1][1] < CHUNK_ROWS:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged or [(0, 0)]
