"""Gaussian likelihoods of the evidence stream: errors common to a site and to all cells are integrated out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import LEVEL_UNITS, seen_items

#: Numbers in what is worked on at once: few enough to stay in the processor's cache.
AT_ONCE = 1 << 18


@dataclass(frozen=True)
class GaussianEvidence:
    """The likelihood of the levels at every ground cell."""

    distance: Float[Tensor, "batch head *ground"]
    """Squared distance of what was observed from what is mapped, in deviations."""
    log_width: Float[Tensor, "batch head *ground"]
    """Log-determinant of the covariance, up to the cells' own errors."""
    offset: Float[Tensor, "batch head *ground"]
    """Posterior mean of the offset common to all cells, were the UE there [dB]."""

    @property
    def log_likelihood(self) -> Float[Tensor, "batch head *ground"]:
        """Up to a constant that is the same for all ground cells [nats]."""
        return -0.5 * (self.distance + self.log_width)


def gaussian_evidence(
    level: Float[Tensor, "batch head site slot"],
    precision: Float[Tensor, "batch head site slot"],
    moments: Float[Tensor, "any_site moment slot y x"],
    sites: Int[Tensor, " site"],
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
        moments: 1, R, R², see `EvidenceRasters`.
        sites: which of them each site has.
        site_variance: v [dB²].
        common_variance: u [dB²].
    """
    parts = list(gaussian_parts(level, precision, moments, sites, site_variance, common_variance))
    joined = (torch.cat([getattr(part, each.name) for part in parts], 2) for each in fields(GaussianEvidence))
    return GaussianEvidence(*(values.unflatten(2, moments.shape[3:]) for values in joined))


def gaussian_parts(
    level: Float[Tensor, "batch head site slot"],
    precision: Float[Tensor, "batch head site slot"],
    moments: Float[Tensor, "any_site moment slot y x"],
    sites: Int[Tensor, " site"],
    site_variance: Float[Tensor, ""],
    common_variance: Float[Tensor, ""],
) -> Iterator[GaussianEvidence]:
    """`gaussian_evidence` over some ground cells after the other, `AT_ONCE`, in flat [y, x] order."""
    units, heads = LEVEL_UNITS, level.shape[:2]
    v, u = site_variance / units.scale**2, common_variance / units.scale**2
    seen = torch.tensor(seen_items(precision.sum(3)), dtype=torch.int64, device=level.device)
    # Sites first, then sequences and their heads.
    p, own = (
        each.index_select(2, seen).movedim(2, 0).flatten(1, 2) for each in (precision * units.scale**2, level)
    )
    off = (own - units.centre) / units.scale
    widths, rows = v * p, torch.cat([p * off, -p], 2)
    weights = torch.cat([p * off.square(), -2 * p * off, p], 2).transpose(0, 1).flatten(1)
    for mapped in _some_ground(moments.flatten(3), sites[seen], max(AT_ONCE // max(p[..., 0].numel(), 1), 1)):
        width = torch.baddbmm(p.new_ones(()), widths, mapped[:, 0])
        linear, shrink = torch.bmm(rows, mapped[:, :2].flatten(1, 2)), width.reciprocal()
        shrunk = linear * shrink
        distance, mean = weights @ mapped.flatten(0, 2) - v * (linear * shrunk).sum(0), shrunk.sum(0)
        common = 1 + u / v * (len(p) - shrink.sum(0))
        offset = u * mean / common
        found = (distance - offset * mean, torch.log(width.prod(0) * common), units.scale * offset)
        yield GaussianEvidence(*(each.unflatten(0, heads) for each in found))


def _some_ground(
    moments: Float[Tensor, "any_site moment slot ground"], sites: Int[Tensor, " site"], count: int
) -> Iterator[Float[Tensor, "site moment slot some"]]:
    """Moments of some sites, so many ground cells at a time; picked then, which copies what is in the cache anyway."""
    every = torch.equal(sites, torch.arange(len(moments), device=sites.device))
    for part in moments.split(count, 3):
        yield part if every else part.index_select(0, sites)


def even_gaussian_evidence(
    value: Float[Tensor, "quantity batch head site sector"],
    precision: Float[Tensor, "quantity batch head site sector"],
    moments: Float[Tensor, "quantity 2 site sector y x"],
    site_variance: Float[Tensor, " quantity"],
    common_variance: Float[Tensor, " quantity"],
) -> Float[Tensor, "quantity batch head y x"]:
    """The log-likelihood of `gaussian_evidence` where an error's law is the same at every ground cell.

    P and all that follows from it are then numbers, and what is summed over the sites are matrix products.

    Args:
        value: what was observed, in the units of the moments.
        precision: 1/variance of each one's own error, in these units; 0 where nothing was observed.
        moments: R, R² of `EvidenceRasters`.
        site_variance: v of each quantity.
        common_variance: u of each quantity.
    """
    weight, off = precision.flatten(1, 2), value.flatten(1, 2)
    v, first = site_variance[:, None, None, None], weight * off
    total, product = weight.sum(-1, keepdim=True), first.sum(-1, keepdim=True)
    shrink = 1 / (1 + v * total)
    scale = (v * shrink).sqrt()
    common = 1 / (1 + common_variance[:, None] * (total * shrink).sum((2, 3)))
    constant = (shrink.log().sum((2, 3)) + common.log() - (first * off).sum((2, 3)))[..., None]
    squares, linears = torch.cat([2 * first, -weight], 2).flatten(2), (-shrink * weight).flatten(2)
    owns, own_constant = ((scale * each).transpose(1, 2).flatten(0, 1) for each in (-weight, product))
    start, outer = (shrink * product).sum(2), (common_variance[:, None] * common)[..., None]
    found = []
    for part in moments.flatten(4).split(max(AT_ONCE // owns[..., 0].numel(), 1), 4):
        own = torch.baddbmm(own_constant, owns, part[:, 0].flatten(0, 1)).unflatten(0, part.shape[:3:2])
        linear = torch.baddbmm(start, linears, part[:, 0].flatten(1, 2))
        doubled = torch.baddbmm(constant, squares, part.flatten(1, 3)) + own.square().sum(1)
        found.append(torch.addcmul(doubled, outer, linear.square()))
    return (0.5 * torch.cat(found, 2)).reshape(*value.shape[:3], *moments.shape[4:])
