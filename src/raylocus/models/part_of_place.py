"""The part of an encoded place that some reports are about: cells that they name, and those that they should hear.

A window of an area holds a hundred cells, of which reports name a few, and evidence costs as much as there are cells.
What is left out are cells that no report names and that are the strongest nowhere: nobody expects to hear them. With
those left out as well that are the strongest on less than a hundredth of the ground, phones alone were located worse.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.map_encoder import EncodedPlace

#: Maps whose first axis is that of sites.
_MAPS_BY_SITE = ("departure", "distance", "line_of_sight", "fine_distance")


def cells_that_matter(place: EncodedPlace, named: Int[Tensor, " cell"]) -> Int[Tensor, " kept"]:
    """Those that are named or expected to be heard, ascending."""
    return torch.cat([named, place.strongest]).unique()


def part_of_place(place: EncodedPlace, cells: Int[Tensor, " cell"]) -> EncodedPlace:
    """A place with some of its cells and their sites, in the order of the place.

    Args:
        place: all of it.
        cells: indices, ascending.
    """
    # What is strongest somewhere is in most parts, and summed once.
    added = cells[torch.isin(cells, place.strongest, invert=True)]
    lacking = place.strongest[torch.isin(place.strongest, cells, invert=True)]
    more, less = (place.rasters.level[some].sum((0, 1)) for some in (added, lacking))
    all_levels = place.strongest_levels + more - less
    return _Part(
        *_part(place.maps, place.rasters, cells, all_levels), place.radio[cells], place.ground, place, cells
    )


@dataclass(frozen=True)
class _Part(EncodedPlace):
    whole: EncodedPlace
    cells: Int[Tensor, " cell"]

    @cached_property
    def thinned(self) -> tuple[PlaceMaps, EvidenceRasters]:
        """Picked of those of the whole place, which are made once."""
        return _part(*self.whole.thinned, self.cells, self.thinned_raster(self.rasters.all_levels))


def _part(
    maps: PlaceMaps,
    rasters: EvidenceRasters,
    cells: Int[Tensor, " cell"],
    all_levels: Float[Tensor, "level_knot y x"],
) -> tuple[PlaceMaps, EvidenceRasters]:
    sites, site_of_cell = maps.site_of_cell[cells].unique(return_inverse=True)
    return (
        _part_of_maps(maps, cells, sites, site_of_cell),
        _part_of_rasters(rasters, cells, sites, all_levels),
    )


def _part_of_maps(
    maps: PlaceMaps,
    cells: Int[Tensor, " cell"],
    sites: Int[Tensor, " site"],
    site_of_cell: Int[Tensor, " cell"],
) -> PlaceMaps:
    part, beams = CellOrder(cells).place(maps), int(maps.beams_of_cell[cells].max())
    return dataclasses.replace(
        part,
        beam_relative=part.beam_relative[:, :beams],
        site_of_cell=site_of_cell,
        **{name: getattr(maps, name).index_select(0, sites) for name in _MAPS_BY_SITE},
    )


def _part_of_rasters(
    rasters: EvidenceRasters,
    cells: Int[Tensor, " cell"],
    sites: Int[Tensor, " site"],
    all_levels: Float[Tensor, "level_knot y x"],
) -> EvidenceRasters:
    """Of cells and sites that know which rasters are theirs; none is copied."""
    index = torch.full((int(rasters.cell_of_slot.max()) + 1,), -1)
    index[cells] = torch.arange(len(cells))
    slots = rasters.cell_of_slot[sites]
    return dataclasses.replace(
        rasters,
        all_levels=all_levels,
        # Slots of other cells stay, unused.
        cell_of_slot=torch.where(slots >= 0, index[slots.clamp(min=0)], -1),
        raster_of_cell=rasters.raster_of_cell[cells],
        raster_of_site=rasters.raster_of_site[sites],
    )
