"""Orders of a place's cells: what leaves a place the same, and names that are swapped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Orders in which the names of cells are swapped, where there are so many cells.
SWAPS = 12
#: Fields whose axis of cells is the first, and the third.
MAP_FIELDS = (
    *("level", "covered", "formula", "isotropic", "sinr", "beam_relative"),
    *("poses", "site_of_cell", "beams_of_cell", "sharp_cell", "cqi_sinr"),
)
RASTER_FIELDS = ("level", "beam")
SEQUENCE_FIELDS = (
    *("observed", "beams", "serving", "censored", "further", "further_beams"),
    "censored_beams",
)

Record = TypeVar("Record", PlaceMaps, EvidenceRasters, SequenceTensors)


@dataclass(frozen=True)
class CellOrder:
    """A permutation of the cells of a place, in its maps and in what was observed there alike."""

    order: Int[Tensor, " cell"]
    """Which cell comes to each index."""

    def place(self, maps: PlaceMaps) -> PlaceMaps:
        """A place with its cells in this order."""
        layers = maps.layers and maps.layers.of_cells(self.order)
        return dataclasses.replace(self._along(maps, MAP_FIELDS, 0), layers=layers)

    def rasters(self, rasters: EvidenceRasters) -> EvidenceRasters:
        """What was made of the place's maps, in this order."""
        index = torch.argsort(self.order, stable=True)
        slots = rasters.cell_of_slot
        moved = torch.where(slots >= 0, index[slots.clamp(min=0)], slots)
        return dataclasses.replace(self._along(rasters, RASTER_FIELDS, 0), cell_of_slot=moved)

    def sequences(self, sequences: SequenceTensors) -> SequenceTensors:
        """What was observed in the place, in this order."""
        return self._along(sequences, SEQUENCE_FIELDS, 2)

    def _along(self, record: Record, names: tuple[str, ...], axis: int) -> Record:
        moved: dict[str, Any] = {name: getattr(record, name).index_select(axis, self.order) for name in names}
        return dataclasses.replace(record, **moved)


def swapped_orders(poses: Float[Tensor, "cell pose"]) -> Int[Tensor, "order cell"]:
    """The cells as they are, then up to `SWAPS` orders that give each the name of one at another site.

    Whole sites change names, and their sectors in turn: which cells stand together is right in many a wrong map as
    well, and must not count for a map. In whatever order the cells come, each is given the name of the same other one.

    Args:
        poses: of each cell, see `models.inputs.cell_poses`.
    """
    rows = poses.tolist()
    ranked = sorted(
        range(len(rows)), key=lambda cell: (rows[cell][:2], math.atan2(*rows[cell][4:2:-1]), rows[cell])
    )
    sites = [list(site) for _, site in groupby(ranked, key=lambda cell: rows[cell][:2])]
    moves = [(step, turn) for step in range(1, len(sites)) for turn in range(max(map(len, sites)))]
    # At a site that is alone sectors change names; the name of a cell that is alone cannot.
    moves = moves or [(0, turn) for turn in range(1, len(rows))] or [(0, 0)]
    chosen = {moves[round(index)] for index in np.linspace(0, len(moves) - 1, SWAPS)}
    back = torch.argsort(torch.tensor(ranked), stable=True)
    names = dict.fromkeys(_moved(sites, step, turn) for step, turn in ((0, 0), *sorted(chosen)))
    return torch.tensor([*names] if len(rows) > 1 else [ranked, ranked])[:, back].to(poses.device)


def _moved(sites: Sequence[Sequence[int]], step: int, turn: int) -> tuple[int, ...]:
    """The cells of sites that are moved on by some, each with its sectors turned on."""
    moved = [*sites[step:], *sites[:step]]
    return tuple(cell for site in moved for cell in (*site[turn % len(site) :], *site[: turn % len(site)]))
