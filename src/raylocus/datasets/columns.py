"""The columns of a dataset, flat arrays over (sample,), (report,) and (token,) with offsets between them.

They are stored as codes of a step where values lie on one, else as floats.
Codes follow the CF conventions (`scale_factor`, `add_offset`, `_FillValue`, section 8.1), so xarray decodes
them by itself. They are made here and not by xarray, because columns are written shard by shard, and
xarray encodes whole variables only. What is lost is stated with every column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from jaxtyping import Float, Shaped
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


#: A value may be off by this share of its report step.
TOLERANCE = 1e-3
#: Integer types for codes: smallest, largest, and the code of a missing value.
_CODES = (("uint8", 0, 254, 255), ("int16", -32767, 32767, -32768), ("int32", 1 - 2**31, 2**31 - 1, -(2**31)))
_FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Encoding:
    """How one column of numbers is stored."""

    dtype: str
    scale: float | None = None
    """Value of one code step; None where values are stored as they are."""
    offset: float = 0.0
    """Value of code 0."""
    missing: int | None = None
    """Code of a missing value; None where it is NaN."""
    error: float = 0.0
    """Largest difference between a value and what is read back, over all that the dataset holds."""

    def encode(self, values: Shaped[np.ndarray, "*shape"]) -> Shaped[np.ndarray, "*shape"]:
        """What is stored of values, which are floats where there is a scale."""
        if self.scale is None or self.missing is None:
            return values.astype(self.dtype)
        absent = np.isnan(values)
        codes = np.rint((np.where(absent, self.offset, values) - self.offset) / self.scale)
        return np.where(absent, self.missing, codes).astype(self.dtype)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes that say all this."""
        stated: dict[str, Any] = {"round_trip_error": self.error}
        if self.scale is None:
            return stated
        return stated | {
            "scale_factor": self.scale,
            "add_offset": self.offset,
            "_FillValue": self.missing,
        }


def decoded(stored: Shaped[np.ndarray, "*shape"], attributes: dict[str, Any]) -> Shaped[np.ndarray, "*shape"]:
    """The values of what is stored, in float64 where `Encoding.attributes` are among the column's."""
    if "round_trip_error" not in attributes:
        return stored
    values = stored.astype(np.float64)
    if "scale_factor" not in attributes:
        return values
    values = values * attributes["scale_factor"] + attributes["add_offset"]
    return np.where(stored == attributes["_FillValue"], np.nan, values)


@dataclass
class ColumnSurvey:
    """What one pass over a column's values finds out, to choose how they are stored."""

    step: float
    """Width of a report bin; 0 where values lie on none."""
    low: float = 0.0
    """Where the bins start."""
    smallest: float = np.inf
    largest: float = -np.inf
    off_grid: float = 0.0
    """Largest distance of a value to a multiple of half a step: bins' centres and edges."""
    float_errors: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_FLOATS, 0.0))
    """Largest error as a float, by its type."""

    def add(self, values: Float[np.ndarray, "..."]) -> None:
        """Takes in some of the column's values."""
        known = values[~np.isnan(values)].astype(np.float64)
        if not known.size:
            return
        self.smallest = min(self.smallest, float(known.min()))
        self.largest = max(self.largest, float(known.max()))
        if self.step:
            codes = np.rint((known - self.low) / (self.step / 2))
            error = np.abs(codes * (self.step / 2) + self.low - known).max()
            self.off_grid = max(self.off_grid, float(error))
        with np.errstate(over="ignore"):
            for dtype in _FLOATS:
                error = float(np.abs(known.astype(dtype).astype(np.float64) - known).max())
                self.float_errors[dtype] = max(self.float_errors[dtype], error)

    @property
    def encoding(self) -> Encoding:
        """The smallest encoding that is off by no more than a thousandth of the step; float32 without one."""
        tolerance = self.step * TOLERANCE
        if not self.step:
            return Encoding("float32", error=self.float_errors["float32"])
        if self.off_grid <= tolerance:
            return self._codes(self.step / 2)
        dtype = next(dtype for dtype in _FLOATS if self.float_errors[dtype] <= tolerance)
        return Encoding(dtype, error=self.float_errors[dtype])

    def _codes(self, scale: float) -> Encoding:
        first, last = (self.smallest - self.low) / scale, (self.largest - self.low) / scale
        for dtype, lowest, highest, missing in _CODES:
            if not last >= first or (round(first) >= lowest and round(last) <= highest):
                return Encoding(dtype, scale, self.low, missing, self.off_grid)
        return Encoding("float64")
