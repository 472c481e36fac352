"""What earlier reports say of where a phone is now: it may have moved since."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.time_heads import PooledObservations

#: What a phone at rest is spread over [m].
LEAST_SPREAD = 2.0
#: Share of the largest that any ground is taken to have: phones also move otherwise.
LEAST_SHARE = 1e-3
#: Nothing is smaller [nats], far under that share: products of smaller numbers are denormal, with which processors are
#: ten times slower.
LEAST_LOG_DENSITY, LEAST_LOG_KERNEL = -40.0, -22.0

#: Numbers of each head of earlier reports in `changes`.
CHANGES = 3


def moved_on(
    log_density: Float[Tensor, "batch head y x"], spread: Float[Tensor, "batch head"], size: float
) -> Float[Tensor, "batch head y x"]:
    """Log of densities spread by how far a phone may have come since, a Gaussian's width; each one's largest is 0.

    Args:
        log_density: where the phone was, up to a constant.
        spread: standard deviation of x and of y [m].
        size: side of the tile [m].
    """
    count = log_density.shape[-1]
    steps = torch.arange(count, device=spread.device) * (size / count)
    width = (spread.square() + LEAST_SPREAD**2)[..., None, None]
    kernel = torch.exp((-0.5 * (steps[:, None] - steps).square() / width).clamp(min=LEAST_LOG_KERNEL))
    kernel = kernel / kernel.sum(-1, keepdim=True)
    relative = log_density - log_density.amax((-2, -1), keepdim=True)
    density = torch.exp(relative.clamp(min=LEAST_LOG_DENSITY))
    moved = kernel @ density @ kernel.transpose(-2, -1)
    return torch.log(moved / moved.amax((-2, -1), keepdim=True).detach() + LEAST_SHARE)


def changes(
    pooled: PooledObservations, age: Float[Tensor, "batch head"]
) -> Float[Tensor, "batch change_or_age"]:
    """How much has changed since each head of earlier reports, and how long ago that was: it shows how fast phones are.

    A phone at rest hears its cells as before, but for the receiver's noise, however much the map errs; one that moves
    comes into other shadows, and to other distances.

    Args:
        pooled: what was observed; the first head is the newest.
        age: mean age of each head's reports [s].

    Returns:
        Of each earlier head ln(1 + mean square change [dB²]) of the cells' levels, the same of the serving cells'
        beams, and ln(1 + age): what not both heads have, has not changed.
    """
    levels = _mean_square(pooled.level, pooled.heard)
    beams = _mean_square(pooled.beam.flatten(2), pooled.beam_known.flatten(2))
    return torch.cat([levels.log1p(), beams.log1p(), age[:, 1:].log1p()], 1)


def _mean_square(
    values: Float[Tensor, "batch head item"], share: Float[Tensor, "batch head item"]
) -> Float[Tensor, "batch earlier"]:
    """Mean square difference of the first head's values from each other's, of what both have."""
    both = torch.minimum(share[:, :1], share[:, 1:])
    return ((values[:, 1:] - values[:, :1]).square() * both).sum(2) / both.sum(2).clamp(min=1e-6)
