"""Levels and beams against the maps of small ground cells, by one law whose scale is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.evidence.gaussian import GaussianEvidence, gaussian_evidence
from raylocus.models.evidence.nearest_turn import beam_distance, cells_at_once
from raylocus.models.evidence.rasters import EvidenceRasters, picked
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
        ground = maps.sharp_outdoor.shape
        found = known.new_zeros(len(known), ground.numel())
        count = cells_at_once(known.shape[2], len(turn), ground.numel())
        for heard in heard_beams(known, count):
            mapped = heard.of_place(maps).flatten(3)
            weight = heard.of_rows(known) * heard.used / own
            distance = beam_distance(heard.of_rows(seen), weight, offset, turn, mapped)
            found.index_add_(0, heard.row.flatten(), distance.flatten(0, 1))
        return found.reshape(*pooled.heard.shape[:2], *ground)


@dataclass(frozen=True)
class HeardBeams:
    """Of some cells the rows that have any of their beams; rows without any fill up what some have fewer of."""

    cell: Int[Tensor, " cell"]
    row: Int[Tensor, "cell row"]
    used: Float[Tensor, "cell row 1"]
    """0 of what fills up."""
    beam: slice
    """From the first to the last that any row has."""

    def of_rows(self, values: Float[Tensor, "any_row any_cell any_beam"]) -> Float[Tensor, "cell row beam"]:
        """Theirs of the values of all."""
        return values[self.row, self.cell[:, None]][..., self.beam]

    def of_place(self, maps: PlaceMaps) -> Float[Tensor, "cell beam turn sharp_y sharp_x"]:
        """Their mapped levels [dB]; of one cell no copy."""
        rasters = list(picked(maps.sharp_beams, maps.sharp_cell[self.cell]))
        return (rasters[0][None] if len(rasters) == 1 else torch.stack(rasters))[:, self.beam]


def heard_beams(known: Float[Tensor, "row cell beam"], count: int) -> list[HeardBeams]:
    """So many cells at a time of those that have beams; all cells one by one where to ask would keep a device waiting.

    Args:
        known: share of the reports that have each beam.
        count: cells.
    """
    rows, cells = (torch.arange(size, device=known.device) for size in known.shape[:2])
    if not known.is_cpu:
        used = known.new_ones(1, len(rows), 1)
        return [HeardBeams(cell, rows[None], used, slice(None)) for cell in cells[:, None]]
    has: Bool[np.ndarray, "row cell beam"] = known.detach().numpy() > 0
    heard: Bool[np.ndarray, "cell row"] = np.asarray(has.any(2)).T
    beams = np.flatnonzero(has.any((0, 1)))
    found: list[HeardBeams] = []
    cell = np.flatnonzero(heard.any(1))
    for start in range(0, len(cell), count):
        some = cell[start : start + count]
        most = int(heard[some].sum(1).max())
        row = np.argsort(~heard[some], axis=1, kind="stable")[:, :most]
        used = torch.from_numpy(np.take_along_axis(heard[some], row, 1)[..., None]).to(known)
        beam = beams if len(some) > 1 else np.flatnonzero(has[:, some[0]].any(0))
        at = slice(int(beam[0]), int(beam[-1]) + 1)
        found.append(HeardBeams(torch.from_numpy(some), torch.from_numpy(row), used, at))
    return found


def largest_within(
    values: Float[Tensor, "batch head sharp_y sharp_x"], side: int
) -> Float[Tensor, "batch head y x"]:
    """The largest value within each of so many coarse cells along an axis."""
    rows = values.unflatten(2, (side, -1)).amax(3)
    return rows.unflatten(3, (side, -1)).amax(4)


def pooled_and_detail(
    sharp: Float[Tensor, "batch sharp_y sharp_x"],
    log_sharp_outdoor: Float[Tensor, "sharp_y sharp_x"],
    log_outdoor: Float[Tensor, "y x"],
) -> tuple[Float[Tensor, "batch y x"], Float[Tensor, "batch sharp_y sharp_x"]]:
    """Of a log-likelihood: that of each coarse cell with its outdoor prior, and what is left for the cells within.

    Args:
        sharp: of the sharp cells.
        log_sharp_outdoor: `PlaceMaps.log_sharp_outdoor`.
        log_outdoor: `PlaceMaps.log_outdoor`.
    """
    parts = len(log_sharp_outdoor) // len(log_outdoor)
    sharp = sharp - sharp.amax((1, 2), keepdim=True).detach()
    held = functional.pixel_unshuffle((sharp + log_sharp_outdoor)[:, None], parts)
    whole = torch.logsumexp(held, 1) - 2 * math.log(parts)
    above = whole - log_outdoor
    return whole, sharp - functional.interpolate(above[:, None], scale_factor=float(parts))[:, 0]
