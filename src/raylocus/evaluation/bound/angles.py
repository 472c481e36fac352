"""p(UL-AoA | places, worlds): the nominal path to a place as an array sees it whose azimuth errs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps

#: Law of the direction cosine less that of the nominal path, by draws of three generated towns (seed 50001, severity
#: 0.5): deviation far from the site, and the share of other paths: to places in line of sight and in front of the
#: antenna (0 to 0.06 by town), in front (0.15), and elsewhere (0.02 to 0.64). Cosines of other paths are uniform.
COSINE_ERROR, OTHER_PATHS = 0.014, (0.05, 0.15, 0.5)
#: Least cosine of the angle to the boresight of what is in front.
IN_FRONT = 0.3
#: Deviation between a UE's way and the nearest that is tried [m].
WAY_ERROR = 5.0
#: Azimuths that an antenna which points anywhere is tried at.
ANYWHERE = 64


@dataclass(frozen=True)
class AngleLaw:
    """The law of UL-AoA, in direction cosines along the array from the listed boresight.

    The antenna's azimuth error is each world's of the ensemble. All reports of a cell count as one: what a nominal path
    errs by lasts for some way, and counted as often as it was measured it would outweigh the times.
    """

    across: Float[Tensor, "site ground xy"]
    """Horizontal part of the unit vector along which the strongest path departs."""
    distance: Float[Tensor, "site ground"]
    """m."""
    in_sight: Bool[Tensor, "site ground"]
    boresight: Float[Tensor, " cell"]
    """As listed [rad]."""
    site_of_cell: Int[np.ndarray, " cell"]
    error: Float[Tensor, "cell world"]
    """Of the azimuth [rad]."""
    grid: Grid

    @classmethod
    def of(cls, place: MappedPlace, error: Float[np.ndarray, "world cell"]) -> AngleLaw:
        """Of the nominal paths of a place, and the azimuth errors [rad] of an ensemble's worlds."""
        maps, deployment = nominal_maps(place), place.deployment
        level = np.nan_to_num(np.sin(place.radio_maps["aod_zenith"].values), nan=1.0)
        azimuth = maps.departure_azimuth
        across = level[..., None] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
        boresight = np.array([cell.azimuth for cell in deployment.cells])
        sites = len(deployment.sites)
        return cls(
            torch.from_numpy(across.reshape(sites, -1, 2)).float(),
            torch.from_numpy(maps.path_length.reshape(sites, -1)).float(),
            torch.from_numpy(maps.line_of_sight.reshape(sites, -1) > 0.5),
            torch.from_numpy(boresight).float(),
            deployment.site_of_cell,
            torch.from_numpy(error.T.copy()).float(),
            place.tile,
        )

    def of_cell(
        self,
        cell: int,
        azimuth: Float[Tensor, " own"],
        cells: Int[Tensor, "way own"],
        moved: Bool[Tensor, "way own"],
    ) -> tuple[Float[Tensor, "way world"], Float[Tensor, "way 1"]]:
        """ln density of a cell's azimuths [rad] in each world, and were its antenna turned anywhere.

        `moved` is where a UE's place is not its last one, and a way to there only near its own.
        """
        site = int(self.site_of_cell[cell])
        measured, away = torch.sin(azimuth - self.boresight[cell]), self.distance[site, cells]
        blur = self.grid.resolution**2 / 12 + WAY_ERROR**2 * moved
        spread = (COSINE_ERROR**2 + blur / away.square())[..., None].sqrt()
        anywhere = 2 * math.pi * torch.arange(ANYWHERE) / ANYWHERE
        pointing = self.boresight[cell] + torch.cat([self.error[cell], anywhere])
        x, y = self.across[site, cells][..., None].unbind(dim=2)
        front = x * pointing.cos() + y * pointing.sin() > IN_FRONT
        sight, front_only, other = OTHER_PATHS
        share = torch.where(
            front, torch.where(self.in_sight[site, cells][..., None], sight, front_only), other
        )
        off = (measured[:, None] - y * pointing.cos() + x * pointing.sin()) / spread
        direct = (1 - share) * torch.exp(-0.5 * off.square()) / (spread * math.sqrt(2 * math.pi))
        log_density = torch.log(direct + share / 2).mean(dim=1)
        of_world, of_turn = log_density.split([self.error.shape[1], ANYWHERE], dim=1)
        return of_world, torch.logsumexp(of_turn, dim=1, keepdim=True) - math.log(ANYWHERE)
