"""The ensemble of worlds of a place: what physics would give in each, before the residual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.datasets.nominal_maps import MappedPlace
from raylocus.geo import Grid
from raylocus.scenes.world import World, WorldLaw, sample_world

#: The maps of one world of a place: `propagation.maps.world_maps.world_radio_maps`.
WorldMaps = Callable[[MappedPlace, World], xr.Dataset]
#: Level given to links that stay dark in a world [dBm]: far below what can be heard.
DARK_LEVEL = -160.0
#: Delay given to sites that stay dark in a world [s]: no tile is so large.
DARK_DELAY = 1e-3
#: Cells of a place, and beams of its strongest cell, that worlds are compared by.
CELLS_COMPARED, BEAMS_COMPARED = 5, 4


@dataclass(frozen=True)
class Ensemble:
    """Maps of many worlds, the worlds last so that one look-up fetches them all."""

    grid: Grid
    rsrp: Float[Tensor, "cell ground world"]
    """RSRP of the best beam without residual and level errors [dBm]."""
    rsrp_beam: Float[Tensor, "cell beam ground world"]
    """The same of every beam [dBm], in half precision."""
    delay: Float[Tensor, "site ground world"]
    """Delay of the first path [s]."""


def physics_only(world: World) -> World:
    """The same world without residual and level errors: what is left to the ensemble."""
    law = replace(world.law, residual_db=0.0)
    return replace(world, law=law, level_error_db=np.zeros_like(world.level_error_db))


def sample_ensemble(
    place: MappedPlace, law: WorldLaw, world_maps: WorldMaps, count: int, generator: np.random.Generator
) -> Ensemble:
    """Draws worlds of the law: materials, antenna azimuth and downtilt, unmodelled scattering.

    No antenna points anywhere in them: a few dozen worlds hold too few that do, and in the wrong places.
    """
    law = replace(law, turned_share=0.0)
    grid, deployment = place.tile, place.deployment
    ground, cells = grid.count**2, len(deployment.cells)
    rsrp = torch.empty(cells, ground, count)
    beams = torch.empty(cells, deployment.beam_count, ground, count, dtype=torch.float16)
    delay = torch.empty(len(deployment.sites), ground, count)
    for index in range(count):
        world = physics_only(sample_world(deployment, law, generator))
        maps = world_maps(place, world)
        rsrp[..., index] = _filled(maps["rsrp"], DARK_LEVEL).reshape(cells, ground)
        beams[..., index] = _filled(maps["rsrp_beam"], DARK_LEVEL).reshape(cells, -1, ground).half()
        delay[..., index] = _filled(maps["toa"], DARK_DELAY).reshape(-1, ground)
    return Ensemble(grid, rsrp, beams, delay)


@dataclass(frozen=True)
class Mismatch:
    """How far a true world is from what stands for it in an ensemble."""

    level_db: float
    """Standard deviation of each cell's level [dB]."""
    beam_db: float
    """Standard deviation of the differences between beams of the strongest cell [dB]."""


def kernel_width(ensemble: Ensemble, ground: Int[np.ndarray, "place"]) -> Mismatch:
    """The width that turns a few worlds into a density of worlds, by Silverman's rule.

    W worlds stand for the law as kernels of W^(−1/(d + 4)) times its spread (Silverman 1986, §4.3), the
    spread being taken over worlds at some places, d the number of things that vary on their own: the
    levels of the cells heard, or azimuth and downtilt for the beams of one cell.
    """
    levels = ensemble.rsrp[:, torch.from_numpy(ground)]
    heard = levels.mean(dim=2).topk(min(CELLS_COMPARED, len(levels)), dim=0).indices
    first = heard[0].tolist()
    beams = torch.stack(
        [
            ensemble.rsrp_beam[cell, :, place].float()
            for cell, place in zip(first, ground.tolist(), strict=True)
        ],
        dim=1,
    )
    strongest = beams.mean(dim=2).topk(min(BEAMS_COMPARED, len(beams)), dim=0).indices
    worlds = levels.shape[-1]
    return Mismatch(
        level_db=_spread(levels, heard) * worlds ** (-1 / (CELLS_COMPARED + 4)),
        beam_db=_spread(beams, strongest) * worlds ** (-1 / (2 + 4)),
    )


def _spread(values: Float[Tensor, "item place world"], chosen: Int[Tensor, "kept place"]) -> float:
    """Standard deviation over worlds of some items of each place, what is common to them left out."""
    kept = torch.gather(values, 0, chosen[..., None].expand(-1, -1, values.shape[-1]))
    if len(kept) < 2 or kept.shape[-1] < 2:
        return 0.0
    apart = kept - kept.mean(dim=0)
    return float((apart.var(dim=2).mean() * len(kept) / (len(kept) - 1)).sqrt())


def _filled(layer: xr.DataArray, dark: float) -> Tensor:
    return torch.from_numpy(np.nan_to_num(layer.values, nan=dark))
