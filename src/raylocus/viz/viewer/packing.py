"""Arrays as the page holds them: steps of a stated size, in the fewest bytes, deflated, in base64."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt

from raylocus.errors import InputError

#: Integers that levels are stored in, the smallest that fits.
KINDS = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class PackedArray:
    """Values as `low + step · level`; the highest level of the type is "missing" where anything is missing."""

    shape: tuple[int, ...]
    bytes_per_level: int
    """1, 2 or 4."""
    low: float
    step: float
    missing: int | None
    """Level of missing values; None where there are none."""
    text: str
    """Differences of successive levels along the last axis, lowest bytes of all of them first, deflated (zlib), in
    base64."""

    def record(self) -> dict[str, Any]:
        """What the page has to know to read the text."""
        return {
            "shape": self.shape,
            "bytes": self.bytes_per_level,
            "low": self.low,
            "step": self.step,
            "missing": self.missing,
        }


def packed(values: Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"], step: float) -> PackedArray:
    """Packs values; each comes back to within half a step, and missing stays missing.

    Args:
        values: NaN is missing; whole numbers are exact at a step of 1.
        step: size of a level, in the unit of the values.

    Raises:
        InputError: a value is infinite, or the values span more levels than can be stored.
    """
    values = np.asarray(values, np.float64)
    known = ~np.isnan(values)
    low = float(values[known].min()) if known.any() else 0.0
    levels = np.round((values[known] - low) / step)
    kind = _kind(float(levels.max(initial=0)) + (not known.all()))
    missing = None if known.all() else int(np.iinfo(kind).max)
    stored = np.full(values.shape, missing or 0, kind)
    stored[known] = levels.astype(kind)
    return PackedArray(values.shape, np.dtype(kind).itemsize, low, step, missing, _text(stored))


def _kind(highest: float) -> type[np.unsignedinteger[Any]]:
    for kind in KINDS:
        if highest <= np.iinfo(kind).max:
            return kind
    raise InputError("values for the page are infinite or span too many steps; trace the maps again")


def _text(levels: UInt[np.ndarray, "*shape"]) -> str:
    # Neighbours differ little: their differences, which wrap around, deflate to half of what levels do.
    change = np.diff(levels, axis=-1, prepend=levels.dtype.type(0))
    planes = np.ascontiguousarray(change).reshape(-1).view(np.uint8).reshape(-1, levels.dtype.itemsize).T
    return base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 6)).decode()
