"""Expected features from the paths to points, wherever these come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.inputs.nominal_maps import BEAM_FLOOR
from raylocus.models.physics.expected import Expected, differentiable
from raylocus.propagation.antennas.antennas import cell_gains
from raylocus.scenes.sites import Cell, Deployment
from raylocus.units import energy_per_resource_element

#: Step of the differences in the direction of departure.
DIRECTION_STEP = 1e-4


@dataclass(frozen=True)
class Rays:
    """Paths from sites to points, differentiable in the points."""

    point: Int[Tensor, " path"]
    site: Int[Tensor, " path"]
    power: Float[Tensor, "path 2"]
    """Power gain from a vertical and from a horizontal isotropic antenna."""
    length: Float[Tensor, " path"]
    """m."""
    departure: Float[Tensor, "path 3"]
    """Unit vector from the site."""

    def sent(self, polarization: str) -> Float[Tensor, " path"]:
        """Power gain from an isotropic antenna of a polarisation, see `SiteChannel.sent_power`."""
        if polarization in ("V", "H"):
            return self.power[:, int(polarization == "H")]
        return self.power.mean(1)

    def select(self, chosen: Tensor) -> Rays:
        """Some of the paths."""
        columns = (self.point, self.site, self.power, self.length, self.departure)
        return Rays(*(column[chosen] for column in columns))


def expected_of(rays: Rays, deployment: Deployment, points: int) -> Expected:
    """Features of the cells of one carrier; powers add over paths, as in R.

    Args:
        rays: from every site.
        deployment: sites and cells.
        points: their number.
    """
    blocks = deployment.carrier.resource_blocks
    of_site = [rays.select(rays.site == site) for site in range(len(deployment.sites))]
    beams = torch.stack(
        [
            _beam_levels(of_site[cell.site], cell, deployment.beam_count, points)
            + energy_per_resource_element(cell.power_dbm, blocks)
            for cell in deployment.cells
        ],
        1,
    )
    level = torch.nan_to_num(beams, nan=-torch.inf).amax(-1)
    level = torch.where(level.isinf(), torch.nan, level)
    return Expected(
        level=level,
        beam_relative=(beams - level[..., None]).clamp(min=BEAM_FLOOR),
        length=torch.stack([_first(each, points) for each in of_site], 1),
        departure=torch.stack([_strongest(each, points) for each in of_site], 1),
    )


def _beam_levels(rays: Rays, cell: Cell, beams: int, points: int) -> Float[Tensor, "point beam"]:
    """Gain of each beam [dB]; NaN without a path, and where the cell has fewer beams."""

    def gains(direction: Float[np.ndarray, "step row 3"]) -> Float[np.ndarray, "step row beam"]:
        flat = cell_gains(direction.reshape(-1, 3), cell).astype(float)
        return flat.reshape(*direction.shape[:2], -1)

    sent = rays.sent(cell.array.polarization)[:, None] * differentiable(rays.departure, gains, DIRECTION_STEP)
    total = sent.new_zeros(points, cell.array.beams).index_add(0, rays.point, sent)
    level = torch.where(total > 0, 10 * torch.log10(total.clamp(min=1e-30)), torch.nan)
    return torch.nn.functional.pad(level, (0, beams - cell.array.beams), value=torch.nan)


def _first(rays: Rays, points: int) -> Float[Tensor, " point"]:
    least = rays.length.new_full((points,), torch.inf).scatter_reduce(0, rays.point, rays.length, "amin")
    return torch.where(least.isinf(), torch.nan, least)


def _strongest(rays: Rays, points: int) -> Float[Tensor, "point 2"]:
    """Direction in the plane of each point's strongest path."""
    point = rays.point.numpy(force=True)
    order = np.lexsort((rays.power[:, 0].numpy(force=True), point))
    last = order[np.append(np.flatnonzero(np.diff(point[order])), len(order) - 1)] if len(order) else order
    found = rays.departure.new_full((points, 2), torch.nan)
    return found.index_put((rays.point[last],), rays.departure[last, :2])
