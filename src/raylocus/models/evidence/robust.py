"""Levels under a heavy-tailed law, and what it means that a cell was not reported."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.evidence.rasters import LEVEL_KNOTS
from raylocus.models.time_heads import PooledObservations

#: Offsets [dB] about the Gaussian estimate over which the common offset is summed out.
OFFSET_STEPS = torch.tensor([-8.0, -4.0, 0.0, 4.0, 8.0])
#: Degrees of freedom of the Student t law of a cell's residual.
FREEDOM = 4.0


def student_log_density(residual: Tensor, scale: Tensor) -> Tensor:
    """Log-density of a Student t law with `FREEDOM`, up to a constant."""
    return -(FREEDOM + 1) / 2 * torch.log1p((residual / scale) ** 2 / FREEDOM) - torch.log(scale)


def robust_evidence(
    pooled: PooledObservations,
    scale: Float[Tensor, "batch head cell kind"],
    offset: Float[Tensor, "batch head"],
    offset_scale: Float[Tensor, ""],
    margin: Float[Tensor, "batch"],
    unheard_weight: Float[Tensor, "batch"],
    rasters: Float[Tensor, "cell kind knot y x"],
) -> Float[Tensor, "batch head y x"]:
    """Log-likelihood of the reported levels and of the silence of all other cells.

    A reported level is Student t about the mapped one plus a common offset. A cell goes unreported
    where its level is below the weakest reported one less a margin, or by chance. The offset is summed
    out over `OFFSET_STEPS` about a first estimate, with a Gaussian prior.

    Args:
        pooled: what was observed.
        scale: scale of the Student t law on each kind of ground [dB].
        offset: first estimate of the common offset [dB].
        offset_scale: standard deviation of the common offset [dB].
        margin: how far under the weakest reported level cells fall silent [dB].
        unheard_weight: exponent of the likelihood of silence.
        rasters: `EvidenceRasters.level`.
    """
    offsets = offset[..., None] + OFFSET_STEPS.to(offset.device)
    expected = LEVEL_KNOTS.to(offset.device) + offsets[..., None]
    residual = pooled.level[:, :, None, :, None, None] - expected[:, :, :, None, None, :]
    heard = (
        student_log_density(residual, scale[:, :, None, :, :, None]) * pooled.heard[:, :, None, :, None, None]
    )
    silent = _log_silence(expected, pooled.weakest - margin[:, None]) * unheard_weight[:, None, None, None]
    table = heard + ((1 - pooled.heard)[:, :, None, :, None] * silent[:, :, :, None])[..., None, :]
    likelihood = torch.tensordot(table, rasters, dims=3)
    prior = -0.5 * (offsets / offset_scale) ** 2
    return torch.logsumexp(likelihood + prior[..., None, None], 2)


def _log_silence(
    expected: Float[Tensor, "batch head step knot"], threshold: Float[Tensor, "batch head"]
) -> Float[Tensor, "batch head step knot"]:
    # 0.15: what is left unreported by chance; 6 dB: the residual spreads the threshold.
    below = torch.sigmoid((threshold[..., None, None] - expected) / 6.0)
    return torch.log(0.15 + 0.85 * below)
