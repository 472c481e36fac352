"""Rasters that turn likelihoods into matrix products.

A likelihood of an observation o given the mapped value R(x) of one cell is a function of R alone once
o is known. Linear interpolation between knots, f(R) = Σ_k f(r_k)·φ_k(R) with hat functions φ_k, makes
the sum over cells Σ_c f_c(R_c(x)) one matrix product of the f_c(r_k), which depend on the sequence,
with the φ_k(R_c(x)), which depend on the place and are made once. Moments 1, R, R² do the same for
Gaussian likelihoods without interpolation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.nominal_maps import BEAM_FLOOR

#: Knots of mapped levels [dBm], of path lengths [m], and of a beam's level under the best one's [dB].
LEVEL_KNOTS = torch.arange(-146.0, -34.0, 6.0)
DISTANCE_KNOTS = torch.arange(0.0, 801.0, 20.0)
BEAM_KNOTS = torch.tensor([BEAM_FLOOR, -15.0, -10.0, -6.0, -3.0, 0.0])


class Units(NamedTuple):
    """Centre and scale of values that are squared, for the sake of float32."""

    centre: float
    scale: float


#: Of levels [dBm] and of SINR [dB].
LEVEL_UNITS, SINR_UNITS = Units(-95.0, 10.0), Units(5.0, 10.0)
EVEN_UNITS = (LEVEL_UNITS, LEVEL_UNITS, SINR_UNITS)
#: Kinds of ground a cell can have: those that ray tracing lights, and those that only scattering does.
KINDS = 2


@dataclass(frozen=True)
class EvidenceRasters:
    """The rasters of one place, over its coarse grid; of a part of it, whose cells and sites know which are theirs."""

    level: Float[Tensor, "any_cell kind level_knot y x"]
    """Hat functions of the mapped level, split by kind."""
    all_levels: Float[Tensor, "level_knot y x"]
    """Their sum over cells and kinds."""
    moments: Float[Tensor, "any_site moment slot y x"]
    """1, R, R² of the cells of each site and kind; zero in slots that a site does not have."""
    even_moments: Float[Tensor, "3 2 any_site sector y x"]
    """R, R² of the formula's level, of the level by distance alone, and of SINR, in the units `EVEN_UNITS`."""
    distance: Float[Tensor, "any_site distance_knot y x"]
    """Hat functions of the first path's length."""
    beam: Float[Tensor, "any_cell beam beam_knot y x"]
    """Hat functions of each beam's relative level."""
    sharp_moments: Float[Tensor, "any_site moment slot sharp_y sharp_x"]
    """`moments` of the sharp ground cells."""
    raster_of_cell: Int[Tensor, " cell"]
    """Index of each cell in `level` and `beam`."""
    raster_of_site: Int[Tensor, " site"]
    """Index of each site in what is of sites."""
    cell_of_slot: Int[Tensor, "site sector"]
    """Cell index of each sector of each site; −1 where the site has fewer."""

    def of_slots(
        self, values: Float[Tensor, "batch head cell *kind"]
    ) -> Float[Tensor, "batch head site slot"]:
        """Values of cells as `moments` has them: of each site's sectors and kinds; 0 in slots that a site lacks."""
        cells, used = self._slots
        found = values.index_select(2, cells).unflatten(2, used.shape)
        return (found * used.reshape(*used.shape, *(1 for _ in values.shape[3:]))).flatten(3)

    @cached_property
    def _slots(self) -> tuple[Int[Tensor, " slot"], Bool[Tensor, "site sector"]]:
        """Cell of each sector of each site, any where there is none, and whether there is one."""
        with torch.inference_mode(False):  # training may take them next
            return self.cell_of_slot.flatten().clamp(min=0), self.cell_of_slot >= 0

    def map_rasters(self, function: Callable[[Tensor], Tensor]) -> EvidenceRasters:
        """The same with a function applied to every field that is a raster."""
        names = [
            field.name
            for field in dataclasses.fields(self)
            if field.name not in ("cell_of_slot", "raster_of_cell", "raster_of_site")
        ]
        return dataclasses.replace(self, **{name: function(getattr(self, name)) for name in names})


def seen_items(share: Float[Tensor, "batch head item"]) -> Sequence[int]:
    """What any sequence has; all of them where to ask would keep a device waiting."""
    if not share.is_cpu:
        return range(share.shape[-1])
    return [item for item, seen in enumerate(share.sum((0, 1)).tolist()) if seen > 0]


def picked(rasters: Float[Tensor, "item *shape y x"], index: Int[Tensor, " some"]) -> Sequence[Tensor]:
    """Some of the rasters: copies where to ask which would keep a device waiting, else these themselves."""
    return [rasters[item] for item in index.tolist()] if index.is_cpu else rasters[index].unbind()


def are_all(index: Int[Tensor, " some"], rasters: Float[Tensor, "item ..."]) -> bool:
    """Whether an index takes all rasters in their order; not asked where to ask would keep a device waiting."""
    return index.is_cpu and torch.equal(index, torch.arange(len(rasters)))


def hat_functions(
    values: Float[Tensor, "*shape y x"], knots: Float[Tensor, " knot"]
) -> Float[Tensor, "*shape knot y x"]:
    """Weights of linear interpolation between ascending knots; values beyond the ends count as the ends."""
    values = values.clamp(float(knots[0]), float(knots[-1])).contiguous()
    knots = knots.to(values.device)
    upper = torch.searchsorted(knots, values).clamp(1, len(knots) - 1)
    share = (values - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
    upper, share = upper.unsqueeze(-3), share.unsqueeze(-3)
    hats = values.new_zeros(*values.shape[:-2], len(knots), *values.shape[-2:])
    return hats.scatter_(-3, upper - 1, 1 - share).scatter_(-3, upper, share)


def evidence_rasters(maps: PlaceMaps) -> EvidenceRasters:
    """The rasters of a place."""
    kinds, covered = torch.stack([maps.covered, 1 - maps.covered], 1), maps.sharp_covered[maps.sharp_cell]
    slots, levels = _cells_of_sites(maps.site_of_cell), hat_functions(maps.level, LEVEL_KNOTS)
    return EvidenceRasters(
        level=kinds[:, :, None] * levels[:, None],
        all_levels=levels.sum(0),
        moments=_moments_by_kind(maps.level, kinds, slots),
        even_moments=_even_moments(torch.stack([maps.formula, maps.isotropic, maps.sinr]), slots),
        distance=hat_functions(maps.distance, DISTANCE_KNOTS),
        beam=hat_functions(maps.beam_relative, BEAM_KNOTS),
        sharp_moments=_moments_by_kind(
            maps.sharp_level[maps.sharp_cell], torch.stack([covered, 1 - covered], 1), slots
        ),
        raster_of_cell=torch.arange(len(levels)),
        raster_of_site=torch.arange(len(slots)),
        cell_of_slot=slots,
    )


def _cells_of_sites(site_of_cell: Int[Tensor, " cell"]) -> Int[Tensor, "site sector"]:
    members = [(site_of_cell == site).nonzero().flatten() for site in range(int(site_of_cell.max()) + 1)]
    return torch.nn.utils.rnn.pad_sequence(members, batch_first=True, padding_value=-1)


def _even_moments(
    values: Float[Tensor, "quantity cell y x"], slots: Int[Tensor, "site sector"]
) -> Float[Tensor, "quantity 2 site sector y x"]:
    centre, scale = values.new_tensor(EVEN_UNITS).T[..., None, None, None]
    scaled = (values - centre) / scale
    moments = torch.stack([scaled, scaled.square()], 1)
    return _of_sites(moments.flatten(0, 1), slots).unflatten(0, moments.shape[:2])


def _moments_by_kind(
    level: Float[Tensor, "cell y x"],
    kinds: Float[Tensor, "cell kind y x"],
    slots: Int[Tensor, "site sector"],
) -> Float[Tensor, "site moment slot y x"]:
    scaled = ((level - LEVEL_UNITS.centre) / LEVEL_UNITS.scale)[:, None]
    moments = torch.stack([kinds, kinds * scaled, kinds * scaled**2])
    return _of_sites(moments, slots).flatten(2, 3).movedim(0, 1).contiguous()


def _of_sites(
    values: Float[Tensor, "moment cell *rest"], slots: Int[Tensor, "site sector"]
) -> Float[Tensor, "moment site sector *rest"]:
    empty = (slots < 0).reshape(*slots.shape, *(1 for _ in values.shape[2:]))
    return values[:, slots.clamp(min=0)].masked_fill(empty, 0.0)
