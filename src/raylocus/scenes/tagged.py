"""Tagged shapes, what every map source delivers, and the draws that belong to a named one.

A draw is fixed by its name, so that a tile cut out of a map and the whole map agree.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from scipy.special import ndtri
from shapely.geometry.base import BaseGeometry

from raylocus.geo import GeoFrame

#: Metres of a foot and of an inch.
FOOT, INCH = 0.3048, 0.0254
_METRES = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(?:m|metres?|meters?)?", re.IGNORECASE)
_FEET = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:'|’|ft|feet|foot)\s*(?:(\d+(?:\.\d+)?)\s*(?:\"|''|”|in|inch|inches)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class NamedRandom:
    """Independent draws, each fixed by a key and a name and not by the order of asking."""

    key: int

    @classmethod
    def of(cls, generator: np.random.Generator) -> NamedRandom:
        """Keyed by one number of a generator."""
        return cls(int(generator.integers(2**63)))

    def uniform(self, name: str) -> float:
        """Uniform in the open interval (0, 1)."""
        digest = hashlib.blake2b(name.encode(), digest_size=8, key=self.key.to_bytes(8, "little")).digest()
        return ((int.from_bytes(digest, "little") >> 12) + 0.5) / 2**52

    def normal(self, name: str) -> float:
        """Standard normal."""
        return float(ndtri(self.uniform(name)))


def parse_length(text: str) -> float | None:
    """Metres of `12`, `12.5 m`, `12,5`, `40 ft` or `12'6"` (OSM's units of length); None of anything else."""
    metres = _METRES.fullmatch(text.strip())
    if metres:
        return float(metres[1].replace(",", "."))
    feet = _FEET.fullmatch(text.strip())
    if feet:
        return float(feet[1]) * FOOT + float(feet[2] or 0) * INCH
    return None


def parse_count(text: str) -> float | None:
    """The number of `5`, `2.5` or `2,5`; None of anything else."""
    found = re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", text.strip())
    return float(found[0].replace(",", ".")) if found else None


@dataclass(frozen=True)
class Feature:
    """One shape with OpenStreetMap's tags."""

    identifier: str
    """Unique in its source, e.g. `way/1234`."""
    tags: dict[str, str]
    geometry: BaseGeometry
    """Longitude and latitude [degrees], or local metres after `in_frame`."""


#: Tag of a building whose outline is not what the source says: it was cut, open or crossed itself.
REPAIRED = "raylocus:repaired"


#: (west, south, east, north) [degrees].
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class TaggedMap:
    """What a file holds, in longitude and latitude."""

    areas: tuple[Feature, ...]
    """Closed shapes: buildings, water, vegetation, pavements."""
    lines: tuple[Feature, ...]
    """Roads and coastlines."""
    bounds: Bounds
    """What the file covers."""
    tally: Counter[str]
    """What was repaired or left out while reading."""
    attribution: str = ""
    """Licence notice to be kept with anything derived."""
    notes: tuple[str, ...] = ()
    """What else is to be said of the file."""


def in_frame(features: Sequence[Feature], frame: GeoFrame) -> list[Feature]:
    """The same features, their longitude and latitude turned into local metres."""

    def to_local(longitude_latitude: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
        return frame.to_local(longitude_latitude[:, 1], longitude_latitude[:, 0])

    shapes = np.empty(len(features), object)
    shapes[:] = [feature.geometry for feature in features]
    moved = shapely.transform(shapes, to_local) if len(features) else shapes
    return [
        Feature(feature.identifier, feature.tags, shape)
        for feature, shape in zip(features, moved, strict=True)
    ]


def notes_of(tally: Counter[str]) -> tuple[str, ...]:
    """One sentence for each thing that was counted while a map was read, the most frequent first."""
    return tuple(
        f"{count} × {what}"
        for what, count in sorted(tally.items(), key=lambda item: (-item[1], item[0]))
        if count > 0
    )
