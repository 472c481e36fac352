"""Draws that belong to a named thing, so that a tile cut out of a map and the whole map agree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri


@dataclass(frozen=True)
class NamedDraws:
    """Independent draws, each fixed by a key and a name and not by the order of asking."""

    key: int

    @classmethod
    def of(cls, generator: np.random.Generator) -> NamedDraws:
        """Keyed by one number of a generator."""
        return cls(int(generator.integers(2**63)))

    def uniform(self, name: str) -> float:
        """Uniform in the open interval (0, 1)."""
        digest = hashlib.blake2b(name.encode(), digest_size=8, key=self.key.to_bytes(8, "little")).digest()
        return ((int.from_bytes(digest, "little") >> 12) + 0.5) / 2**52

    def normal(self, name: str) -> float:
        """Standard normal."""
        return float(ndtri(self.uniform(name)))
