"""Paths with their power gains, computed in pieces and side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.atlas.atlas import PathAtlas, concatenate, reorder
from raylocus.propagation.atlas.fields import path_fields
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.propagation.rays.pieces import in_pieces, piece_length

#: What a path takes while its field is computed [byte].
BYTES_PER_FIELD = 1500


@dataclass(frozen=True)
class WeighedPaths:
    """Paths with their power gains between dual-polarised isotropic antennas, summed over the polarisations."""

    paths: PathAtlas
    power: Float[np.ndarray, " path"]

    @classmethod
    def of(cls, paths: PathAtlas, materials: RadioMaterials) -> WeighedPaths:
        """Paths with their powers under given materials."""
        fields = path_fields(paths, materials)
        return cls(paths, (fields.real**2 + fields.imag**2).sum(axis=(1, 2)))

    def select(self, index: Int[np.ndarray, " chosen"]) -> WeighedPaths:
        """Some of the paths, or all in another order."""
        return WeighedPaths(reorder(self.paths, index), self.power[index])

    def strongest_and_first(
        self, presence: Float[np.ndarray, " path"] | Bool[np.ndarray, " path"]
    ) -> tuple[Float[np.ndarray, " ground_cell"], Float[np.ndarray, " ground_cell"]]:
        """Of each ground cell the most power times presence, 0 where no path is, and the least length [m]."""
        cells = self.paths.grid.count**2
        strongest, first = np.zeros(cells), np.full(cells, np.inf)
        np.maximum.at(strongest, self.paths.ground_cell, self.power * presence)
        np.minimum.at(first, self.paths.ground_cell, self.paths.length)
        return strongest, first


def weighed_in_pieces(
    piece: Callable[[slice], WeighedPaths], count: int, memory_budget: float
) -> WeighedPaths:
    """All of `count` paths, made and weighed in pieces that work side by side.

    Args:
        piece: makes the paths of a slice; it may leave some out.
        count: number of paths.
        memory_budget: for the pieces that are worked on at once [GiB].

    Raises:
        MemoryBudgetError: not even one path fits.
    """
    length = piece_length(memory_budget, BYTES_PER_FIELD, "one path")
    return joined(in_pieces(piece, count, length) or [piece(slice(0, 0))])


def joined(parts: Sequence[WeighedPaths]) -> WeighedPaths:
    """The paths of all parts, in their order."""
    return WeighedPaths(
        concatenate([part.paths for part in parts]), np.concatenate([part.power for part in parts])
    )
