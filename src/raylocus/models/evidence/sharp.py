"""Levels and beams against the maps of small ground cells, by one law whose scale is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.evidence.gaussian import AT_ONCE, GaussianEvidence, gaussian_evidence
from raylocus.models.evidence.rasters import EvidenceRasters, seen_first
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
        self.log_beam = nn.Parameter(torch.log(torch.tensor([3.0, 1.5])))
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

        Of each cell only beams and sequences are looked at that have any, which are few.
        """
        own, offset = torch.exp(2 * self.log_beam)
        known, seen = pooled.beam_known.flatten(0, 1), pooled.beam.flatten(0, 1)
        cell = seen_first(known.sum((0, 2)))
        beam = seen_first(known.sum(0)[cell])
        row = seen_first(known.sum(2).T[cell])
        at = row[:, :, None], cell[:, None, None], beam[:, None]
        seen, weight = seen[at], known[at] / own
        first = weight * seen
        shrink = offset / (1 + offset * weight.sum(2, keepdim=True))
        constant, linears = (first * seen).sum(2, keepdim=True), first.sum(2, keepdim=True)
        squares = torch.cat([-2 * first, weight], 2)
        mapped = maps.sharp_beam_relative.flatten(0, 1).flatten(1)
        picked = (maps.sharp_cell[cell, None] * maps.sharp_beam_relative.shape[1] + beam).flatten()
        found = []
        for part in mapped.split(max(AT_ONCE // max(row.numel(), 1), 1), 1):
            beams = part.index_select(0, picked).unflatten(0, beam.shape)
            linear = torch.baddbmm(linears, -weight, beams)
            square = torch.baddbmm(constant, squares, torch.cat([beams, beams.square()], 1))
            distance = torch.addcmul(square, shrink, linear.square(), value=-1).flatten(0, 1)
            found.append(distance.new_zeros(len(known), part.shape[1]).index_add(0, row.flatten(), distance))
        return torch.cat(found, 1).reshape(*pooled.heard.shape[:2], *maps.sharp_outdoor.shape)


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
