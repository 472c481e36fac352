"""p(UL-AoA | places, worlds): the nominal path to a place as an array sees it whose azimuth errs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from raylocus.geo import Grid
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.network.channel.links import element_amplitude
from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.radio_maps import site_channels
from raylocus.propagation.maps.traced_place import TracedPlace

#: Law of the direction cosine less that of the nominal path: deviation far from the site, and the share of other paths,
#: whose cosines are uniform. In draws of three generated towns (seed 50002, severity 0.5) they are 0.014 and 0.02 to
#: 0.2; these are the likeliest of a few by last reports of seeds 50001 to 50040, for errors last from report to report.
COSINE_ERROR, OTHER_PATHS = 0.025, 0.25
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

    across: Float[Tensor, "cell ground xy"]
    """Horizontal part of the unit vector along which the path departs that is strongest by the listed antenna."""
    distance: Float[Tensor, "cell ground"]
    """m."""
    boresight: Float[Tensor, " cell"]
    """As listed [rad]."""
    error: Float[Tensor, "cell world"]
    """Of the azimuth [rad]."""
    grid: Grid

    @classmethod
    def of(cls, place: TracedPlace, error: Float[np.ndarray, "world cell"]) -> AngleLaw:
        """Of the nominal paths of a place, and the azimuth errors [rad] of an ensemble's worlds."""
        deployment, rows = place.deployment, GridRows.whole(place.atlas.grid)
        channels = site_channels(place.atlas, deployment, place.atlas.materials, rows)
        across = np.zeros((len(deployment.cells), rows.count, 2), np.float32)
        for cell, own in zip(deployment.cells, across, strict=True):
            channel = channels[cell.site]
            element, _ = element_amplitude(channel.paths.departure[None], cell)
            strongest = channel.groups.strongest(channel.power * element[0] ** 2)
            own[channel.groups.cells] = channel.paths.departure[strongest, :2]
        length = nominal_maps(place).path_length.reshape(-1, rows.count)
        boresight = np.array([cell.azimuth for cell in deployment.cells], np.float32)
        return cls(
            torch.from_numpy(across),
            torch.from_numpy(length[deployment.site_of_cell]),
            torch.from_numpy(boresight),
            torch.from_numpy(error.T.astype(np.float32)),
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
        measured, away = torch.sin(azimuth - self.boresight[cell]), self.distance[cell, cells]
        blur = self.grid.resolution**2 / 12 + WAY_ERROR**2 * moved
        spread = (COSINE_ERROR**2 + blur / away.square())[..., None].sqrt()
        anywhere = 2 * math.pi * torch.arange(ANYWHERE) / ANYWHERE
        pointing = self.boresight[cell] + torch.cat([self.error[cell], anywhere])
        x, y = self.across[cell, cells][..., None].unbind(dim=2)
        off = (measured[:, None] - y * pointing.cos() + x * pointing.sin()) / spread
        direct = torch.exp(-0.5 * off.square()) / (spread * math.sqrt(2 * math.pi))
        log_density = torch.log((1 - OTHER_PATHS) * direct + OTHER_PATHS / 2).mean(dim=1)
        of_world, of_turn = log_density.split([self.error.shape[1], ANYWHERE], dim=1)
        return of_world, torch.logsumexp(of_turn, dim=1, keepdim=True) - math.log(ANYWHERE)
