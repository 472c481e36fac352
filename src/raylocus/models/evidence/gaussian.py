"""Gaussian likelihoods of the evidence stream: errors common to a site and to all cells are integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.evidence.rasters import LEVEL_UNITS, Units, seen_items


@dataclass(frozen=True)
class GaussianEvidence:
    """The likelihood of the levels at every ground cell."""

    distance: Float[Tensor, "batch head y x"]
    """Squared distance of what was observed from what is mapped, in deviations."""
    log_width: Float[Tensor, "batch head y x"]
    """Log-determinant of the covariance, up to the cells' own errors."""
    offset: Float[Tensor, "batch head y x"]
    """Posterior mean of the offset common to all cells, were the UE there [dB]."""

    @property
    def log_likelihood(self) -> Float[Tensor, "batch head y x"]:
        """Up to a constant that is the same for all ground cells [nats]."""
        return -0.5 * (self.distance + self.log_width)


def gaussian_evidence(
    level: Float[Tensor, "batch head site slot"],
    precision: Float[Tensor, "batch head site slot"],
    moments: Sequence[Float[Tensor, "moment slot y x"]],
    site_variance: Float[Tensor, ""],
    common_variance: Float[Tensor, ""],
) -> GaussianEvidence:
    """Log-likelihood of observed levels, or lengths, given the mapped ones, offsets integrated out exactly.

    The residual r of slot i at site s is a + b_s + e_i with a ~ N(0, u), b_s ~ N(0, v) and
    e_i ~ N(0, 1/p_i). With P = Σp, L = Σp·r, Q = Σp·r² over the slots of a site, integrating b_s leaves
    −½(Q − v·L²/(1 + vP)) − ½log(1 + vP) and a Gaussian in a of precision P/(1 + vP); integrating a
    over the sum of the sites has the same form. 1 + vP, L and Q are matrix products with `moments`,
    and P/(1 + vP) = (1 − 1/(1 + vP))/v, so that few passes over the ground are needed.

    Args:
        level: observed level [dBm].
        precision: 1/variance of each slot's own error [1/dB²]; 0 where nothing was observed.
        moments: 1, R, R² of each site, see `EvidenceRasters`.
        site_variance: v [dB²].
        common_variance: u [dB²].
    """
    units, ground = LEVEL_UNITS, moments[0].shape[2:]
    v, u = site_variance / units.scale**2, common_variance / units.scale**2
    p = (precision * units.scale**2).flatten(0, 1)
    off = ((level - units.centre) / units.scale).flatten(0, 1)
    weights, rows = torch.cat([p * off**2, -2 * p * off, p], 2), torch.cat([p * off, -p], 2)
    distance, mean, held = p.new_zeros(3, len(p), ground.numel())
    width, one = p.new_ones(len(p), ground.numel()), p.new_ones(())
    # Site by site, so that what is worked on stays in the processor's cache.
    for site in seen_items(precision.sum(3)):
        mapped = moments[site].flatten(0, 1).flatten(1)
        own_width = torch.addmm(one, v * p[:, site], mapped[: p.shape[-1]])
        shrink, linear = own_width.reciprocal(), rows[:, site] @ mapped[: rows.shape[-1]]
        shrunk = linear * shrink
        distance = torch.addmm(distance, weights[:, site], mapped) - v * linear * shrunk
        mean, held, width = mean + shrunk, held + (1 - shrink), width * own_width
    common = 1 + u / v * held
    offset = u * mean / common
    shape = (*level.shape[:2], *ground)
    return GaussianEvidence(
        (distance - offset * mean).reshape(shape),
        torch.log(width * common).reshape(shape),
        (units.scale * offset).reshape(shape),
    )


def even_gaussian_evidence(
    value: Float[Tensor, "batch head site sector"],
    precision: Float[Tensor, "batch head site sector"],
    moments: Float[Tensor, "2 site sector y x"],
    site_variance: Float[Tensor, ""],
    common_variance: Float[Tensor, ""],
    units: Units,
) -> Float[Tensor, "batch head y x"]:
    """The log-likelihood of `gaussian_evidence` where an error's law is the same at every ground cell.

    P and all that follows from it are then numbers, and what is summed over the sites are matrix products.

    Args:
        value: what was observed.
        precision: 1/variance of each one's own error; 0 where nothing was observed.
        moments: R, R² of `EvidenceRasters`.
        site_variance: v.
        common_variance: u.
        units: that `moments` are in.
    """
    v, u = site_variance / units.scale**2, common_variance / units.scale**2
    weight, off = (
        (precision * units.scale**2).flatten(0, 1),
        ((value - units.centre) / units.scale).flatten(0, 1),
    )
    first, mapped = weight * off, moments[0].flatten(2)
    total = weight.sum(-1, keepdim=True)
    shrink = 1 / (1 + v * total)
    square = torch.cat([-2 * first, weight], 1).flatten(1) @ moments.flatten(0, 2).flatten(1)
    scale = (v * shrink).sqrt()
    own = torch.baddbmm(
        (scale * first.sum(-1, keepdim=True)).transpose(0, 1),
        (-scale * weight).transpose(0, 1),
        mapped,
    )
    linear = torch.addmm(
        (shrink * first).flatten(1).sum(1, keepdim=True), (-shrink * weight).flatten(1), mapped.flatten(0, 1)
    )
    common = 1 / (1 + u * (total * shrink).sum((1, 2)))
    constant = shrink.log().sum((1, 2)) + common.log() - (first * off).sum((1, 2))
    doubled = own.square().sum(0) - square + (u * common)[:, None] * linear.square() + constant[:, None]
    return (0.5 * doubled).reshape(*value.shape[:2], *moments.shape[-2:])
