"""Timing advance against the mapped length of the first path."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import DISTANCE_KNOTS
from raylocus.models.evidence.robust import student_log_density
from raylocus.models.time_heads import PooledObservations


def timing_evidence(
    pooled: PooledObservations,
    site_of_cell: Int[Tensor, "cell"],
    scale: Float[Tensor, ""],
    long_scale: Float[Tensor, ""],
    rasters: Float[Tensor, "site knot y x"],
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the timing advances.

    Args:
        pooled: what was observed.
        site_of_cell: site index of each cell; a delay belongs to a site.
        scale: scale of the Student t law where the observed path is the shorter one [m].
        long_scale: the same where it is the longer one: the first path may be missing in the world [m].
        rasters: `EvidenceRasters.distance`.
    """
    excess = pooled.timing[..., None] - DISTANCE_KNOTS.to(pooled.timing.device)
    table = student_log_density(excess, torch.where(excess > 0, long_scale, scale)) * pooled.timed[..., None]
    by_site = table.new_zeros(*table.shape[:2], *rasters.shape[:2]).index_add(2, site_of_cell, table)
    return torch.tensordot(by_site, rasters, dims=2)
