"""What earlier reports say of where a phone is now: it may have moved since."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

#: What a phone at rest is spread over [m].
LEAST_SPREAD = 2.0
#: Share of the largest that any ground is taken to have: phones also move otherwise.
LEAST_SHARE = 1e-3
#: Nothing is smaller [nats], far under that share: products of smaller numbers are denormal, with which processors are
#: ten times slower.
LEAST_LOG_DENSITY, LEAST_LOG_KERNEL = -40.0, -22.0


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
