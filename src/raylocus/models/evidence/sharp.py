"""Levels and beams against the maps of small ground cells, by one law whose scale is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

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
        cell = seen_first(known.sum((0, 2)))
        beam = seen_first(known.sum(0)[cell])
        row = seen_first(known.sum(2).T[cell])
        at = row[:, :, None], cell[:, None, None], beam[:, None]
        turn = (maps.turns * torch.exp(-self.log_turn)).square()[:, None].to(own.dtype)
        distance = _BeamDistance.of(seen[at], known[at] / own, offset, turn)
        mapped = maps.sharp_beams.flatten(0, 1).flatten(2)
        picked = (maps.sharp_cell[cell, None] * maps.sharp_beams.shape[1] + beam).flatten()
        found = []
        for part in mapped.split(max(AT_ONCE // max(row.numel() * len(turn), 1), 1), 2):
            beams = part.index_select(0, picked).to(own.dtype).flatten(1).unflatten(0, beam.shape)
            nearest = distance.to(beams).flatten(0, 1)
            found.append(nearest.new_zeros(len(known), part.shape[2]).index_add(0, row.flatten(), nearest))
        return torch.cat(found, 1).reshape(*pooled.heard.shape[:2], *maps.sharp_outdoor.shape)


class _BeamDistance(NamedTuple):
    """Squared distance, in deviations, of mapped beams from those that some rows reported of each cell.

    With weights w = known/own² and levels m mapped, y reported: Σw(y − m)² less what an error of all beams explains.
    """

    weight: Float[Tensor, "cell row beam"]
    linear: Float[Tensor, "cell two_rows beam"]
    """−2wy of each row, then −w."""
    constant: Float[Tensor, "cell two_rows 1"]
    """Σwy² of each row, then Σwy."""
    shrink: Float[Tensor, "cell row 1"]
    turn: Float[Tensor, "turn 1"]
    """What each turn adds."""

    @classmethod
    def of(
        cls,
        seen: Float[Tensor, "cell row beam"],
        weight: Float[Tensor, "cell row beam"],
        offset: Float[Tensor, ""],
        turn: Float[Tensor, "turn 1"],
    ) -> _BeamDistance:
        """Of the levels that were seen, the level common to a cell's beams having a variance of `offset`."""
        first = weight * seen
        shrink = offset / (1 + offset * weight.sum(2, keepdim=True))
        constant = torch.cat([(first * seen).sum(2, keepdim=True), first.sum(2, keepdim=True)], 1)
        return cls(weight, torch.cat([-2 * first, -weight], 1), constant, shrink, turn)

    def to(self, mapped: Float[Tensor, "cell beam turn_and_ground"]) -> Float[Tensor, "cell row ground"]:
        """At each ground cell that of the turn which fits best there."""
        square, level = torch.baddbmm(self.constant, self.linear, mapped).chunk(2, 1)
        square = torch.baddbmm(square, self.weight, mapped.square())
        distance = torch.addcmul(square, self.shrink, level.square(), value=-1)
        return (distance.unflatten(2, (len(self.turn), -1)) + self.turn).amin(2)


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
