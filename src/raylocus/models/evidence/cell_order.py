"""Orders of a place's cells: what leaves a place the same, and names that are swapped."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Orders in which the names of cells are swapped.
SWAPS = 2
#: Fields whose axis of cells is the first, and the third.
MAP_FIELDS = (
    *("level", "covered", "formula", "isotropic", "sinr", "beam_relative", "fine_level"),
    *("poses", "site_of_cell", "beams_of_cell"),
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
        return self._along(maps, MAP_FIELDS, 0)

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


def swapped_orders(poses: Float[Tensor, "cell pose"]) -> list[CellOrder]:
    """The cells as they are, then `SWAPS` orders that give each the name of one elsewhere.

    Cells are ranked by where they stand and point, and names move along the ranks, so that in whatever order the cells
    come, each is given the name of the same other one.

    Args:
        poses: of each cell, see `models.inputs.maps.cell_poses`.
    """
    rows = poses.tolist()
    ranked = torch.tensor(sorted(range(len(rows)), key=rows.__getitem__))
    back = torch.argsort(ranked, stable=True)
    steps = [round(len(rows) * swap / (SWAPS + 1)) for swap in range(SWAPS + 1)]
    return [CellOrder(ranked.roll(step)[back].to(poses.device)) for step in steps]
