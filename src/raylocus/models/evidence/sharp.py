"""Levels and beams against the maps of small ground cells, by one law whose scale is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.evidence.gaussian import GaussianEvidence, gaussian_evidence
from raylocus.models.evidence.nearest_turn import beam_distance
from raylocus.models.evidence.rasters import EvidenceRasters, picked, seen_index, seen_items
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.time_heads import PooledObservations


@dataclass(frozen=True)
class SharpFit:
    """What the sharp ground cells say of the levels and beams of each time head."""

    log_likelihood: Float[Tensor, "batch head sharp_y sharp_x"]
    """Up to a constant that is the same for all ground cells [nats]."""
    log_scale: Float[Tensor, "batch head"]
    """Of all errors where they are smallest, relative to those of the law, squared: how much the world errs."""


class SharpEvidence(nn.Module):
    """Multivariate Student t: a Gaussian whose covariance is right but for a factor that all errors of a world share.

    Worlds err more or less than their map says. Where something explains all levels and beams well, errors are small
    there, and what explains them worse is less likely than by any one scale.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_own = nn.Parameter(torch.log(torch.tensor([4.5, 6.0])))
        self.log_site = nn.Parameter(torch.tensor(4.0).log())
        self.log_common = nn.Parameter(torch.tensor(5.0).log())
        # Of a beam where the antenna's azimuth is tried and where R has the listed one alone, of all of a cell's.
        self.log_beam = nn.Parameter(torch.log(torch.tensor([2.5, 4.0, 1.5])))
        self.log_turn = nn.Parameter(torch.tensor(0.1).log())
        self.log_freedom = nn.Parameter(torch.tensor(3.0).log())

    def forward(self, pooled: PooledObservations, maps: PlaceMaps, rasters: EvidenceRasters) -> SharpFit:
        """Log-likelihood of the levels and beams of each head together."""
        freedom = self.log_freedom.exp()
        count = freedom + pooled.heard.sum(2) + pooled.beam_known.sum((2, 3))
        levels = self._levels(pooled, rasters)
        distance = (levels.distance + self._beams(pooled, maps)).clamp(min=0)
        wide = torch.log1p(distance / freedom)
        found = -0.5 * torch.addcmul(levels.log_width, count[..., None, None], wide)
        scale = (freedom + distance.detach().amin((-2, -1))) / count
        return SharpFit(found, scale.log())

    def _levels(self, pooled: PooledObservations, rasters: EvidenceRasters) -> GaussianEvidence:
        precision = torch.exp(-2 * self.log_own) * pooled.heard[..., None]
        return gaussian_evidence(
            rasters.of_slots(pooled.level[..., None].expand(precision.shape)),
            rasters.of_slots(precision),
            rasters.sharp_moments,
            rasters.raster_of_site,
            torch.exp(2 * self.log_site),
            torch.exp(2 * self.log_common),
        )

    def _beams(
        self, pooled: PooledObservations, maps: PlaceMaps
    ) -> Float[Tensor, "batch head sharp_y sharp_x"]:
        """Squared distance of the reported beams from the mapped ones, in deviations; the level of a cell is free.

        A cell is turned, at every place, as fits best there, and its turn adds to the distance as any error does.
        Of each cell only beams and sequences are looked at that have any, which are few.
        """
        turned, listed, offset = torch.exp(2 * self.log_beam)
        own = turned if len(maps.turns) > 1 else listed
        known, seen = pooled.beam_known.flatten(0, 1), pooled.beam.flatten(0, 1)
        turn = (maps.turns * torch.exp(-self.log_turn)).square().to(own.dtype)
        cells, ground = seen_items(pooled.beam_known.sum(3)), maps.sharp_outdoor.shape
        found = known.new_zeros(len(known), ground.numel())
        for cell, mapped in zip(cells, picked(maps.sharp_beams, maps.sharp_cell[list(cells)]), strict=True):
            row, beam = seen_index(known[:, cell].sum(1)), seen_index(known[:, cell].sum(0))
            at = row[:, None], cell, beam
            of_cell = mapped.index_select(0, beam).flatten(2)
            found.index_add_(0, row, beam_distance(seen[at], known[at] / own, offset, turn, of_cell))
        return found.reshape(*pooled.heard.shape[:2], *ground)


def pooled_and_detail(
    sharp: Float[Tensor, "batch sharp_y sharp_x"],
    sharp_outdoor: Float[Tensor, "sharp_y sharp_x"],
    outdoor: Float[Tensor, "y x"],
) -> tuple[Float[Tensor, "batch y x"], Float[Tensor, "batch sharp_y sharp_x"]]:
    """Of a log-likelihood: that of each coarse cell with its outdoor prior, and what is left for the cells within.

    Args:
        sharp: of the sharp cells.
        sharp_outdoor: share of each that is outdoors.
        outdoor: the same of the coarse cells.
    """
    parts = len(sharp_outdoor) // len(outdoor)
    sharp = sharp - sharp.amax((1, 2), keepdim=True).detach()
    held = functional.pixel_unshuffle((sharp + torch.log(sharp_outdoor + 1e-4))[:, None], parts)
    whole = torch.logsumexp(held, 1) - 2 * math.log(parts)
    above = whole - torch.log(outdoor + 1e-4)
    return whole, sharp - functional.interpolate(above[:, None], scale_factor=float(parts))[:, 0]
