"""The order of a place's cells, which must mean nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors

#: Fields whose axis of cells is the first, and the third.
MAP_FIELDS = (
    *("level", "lit", "formula", "beam_relative", "fine_level"),
    *("poses", "site_of_cell", "beams_of_cell"),
)
RASTER_FIELDS = ("level", "beam")
SEQUENCE_FIELDS = ("observed", "beams", "serving", "censored", "further", "further_beams")

Record = TypeVar("Record", PlaceMaps, EvidenceRasters, SequenceTensors)


@dataclass(frozen=True)
class CellOrder:
    """A permutation of the cells of a place, in its maps and in what was observed there alike."""

    order: Int[Tensor, "cell"]
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


def random_cell_order(maps: PlaceMaps, generator: torch.Generator) -> CellOrder:
    """An order of a place's cells, all alike in probability."""
    order = torch.randperm(len(maps.poses), generator=generator)
    return CellOrder(order.to(maps.poses.device))
