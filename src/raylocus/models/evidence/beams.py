"""Which beams of a cell are strong, and by how much: evidence that no error of the cell's level can touch."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.evidence.rasters import BEAM_KNOTS
from raylocus.models.evidence.robust import student_log_density
from raylocus.models.time_heads import PooledObservations


def beam_evidence(
    pooled: PooledObservations, scale: Float[Tensor, ""], rasters: Float[Tensor, "cell beam knot y x"]
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the reported beams, and of the others being weaker than the weakest of them.

    Args:
        pooled: what was observed; levels are relative to the strongest reported beam.
        scale: scale of the Student t law of a beam's relative level [dB].
        rasters: `EvidenceRasters.beam`, relative to the cell's best mapped beam.
    """
    knots = BEAM_KNOTS.to(pooled.beam.device)
    reported = student_log_density(pooled.beam[..., None] - knots, scale) * pooled.beam_known[..., None]
    below = torch.log(0.02 + 0.98 * torch.sigmoid((pooled.weakest_beam[..., None] - knots) / scale))
    unreported = (pooled.beams_known[..., None] - pooled.beam_known)[..., None] * below[..., None, :]
    return torch.tensordot(reported + unreported, rasters, dims=3)
