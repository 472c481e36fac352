"""Gaussian likelihoods of the evidence stream: errors common to a site and to all cells are integrated out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.models.evidence.rasters import LEVEL_UNITS, are_all, picked, seen_items
from raylocus.models.evidence.site_errors import SiteErrors

#: Numbers in what is worked on at once: few enough to stay in the processor's cache.
AT_ONCE = 1 << 17
#: Sequences that together have heard so many times the sites that one has are worked on one by one, on so much ground:
#: together two sequences take a third less time, on little ground even less.
SPREAD, LARGE = 2.5, 4096


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

    @property
    def mean_offset(self) -> Float[Tensor, "batch head"]:
        """Mean of the offset by the likelihood [dB]."""
        weight = self.log_likelihood.flatten(2).softmax(-1)
        return (weight * self.offset.flatten(2)).sum(-1)


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
    count = _together(precision.detach(), moments.shape[3:].numel())
    found = [
        _mapped(*some, moments, sites, site_variance, common_variance)
        for some in zip(level.split(count), precision.split(count), strict=True)
    ]
    if len(found) == 1:
        return found[0]
    fields = zip(*(vars(each).values() for each in found), strict=True)
    return GaussianEvidence(*(torch.cat(each) for each in fields))


def _together(precision: Float[Tensor, "batch head site slot"], ground: int) -> int:
    """Sequences that are worked on together: all, unless that would be to work on much that only others have heard."""
    if len(precision) == 1 or not precision.is_cpu or ground < LARGE:
        return len(precision)
    heard = (precision.sum((1, 3)) > 0).float()
    return len(precision) if heard.amax(0).sum() < SPREAD * heard.sum(1).mean() else 1


def _mapped(
    level: Float[Tensor, "batch head site slot"],
    precision: Float[Tensor, "batch head site slot"],
    moments: Float[Tensor, "any_site moment slot y x"],
    sites: Int[Tensor, " site"],
    site_variance: Float[Tensor, ""],
    common_variance: Float[Tensor, ""],
) -> GaussianEvidence:
    units, shape = LEVEL_UNITS, (*level.shape[:2], *moments.shape[3:])
    # A site that nobody has heard says nothing, but there must be one.
    seen = torch.tensor([*seen_items(precision.sum(3))] or [0], device=level.device)
    v = site_variance / units.scale**2
    p, off = (
        each.index_select(2, seen).flatten(0, 1).transpose(0, 1)
        for each in (precision * units.scale**2, (level - units.centre) / units.scale)
    )
    first = p * off
    squares, linears = torch.cat([first * off, -2 * first, p], 2), v.sqrt() * torch.cat([first, -p], 2)
    own = [each.flatten(0, 1).flatten(1) for each in picked(moments, sites[seen])]
    count = max(AT_ONCE // p.shape[1], 1)
    distance, log_width, offset = SiteErrors.apply(
        squares, linears, v * p, common_variance / site_variance, count, *own
    )
    fields = distance, log_width, units.scale * v.sqrt() * offset
    return GaussianEvidence(*(each.reshape(shape) for each in fields))


def even_gaussian_evidence(
    value: Float[Tensor, "quantity batch head site sector"],
    precision: Float[Tensor, "quantity batch head site sector"],
    moments: Float[Tensor, "quantity 2 any_site sector y x"],
    sites: Int[Tensor, " site"],
    site_variance: Float[Tensor, " quantity"],
    common_variance: Float[Tensor, " quantity"],
) -> Float[Tensor, "quantity batch head y x"]:
    """The log-likelihood of `gaussian_evidence` where an error's law is the same at every ground cell.

    P and all that follows from it are then numbers, and what is summed over the sites are matrix products.

    Args:
        value: what was observed, in the units of the moments.
        precision: 1/variance of each one's own error, in these units; 0 where nothing was observed.
        moments: R, R² of `EvidenceRasters`.
        sites: which of them each site has.
        site_variance: v of each quantity.
        common_variance: u of each quantity.
    """
    count = _together(precision.detach().amax(0), moments.shape[4:].numel())
    found = [
        _even(*some, moments, sites, site_variance, common_variance)
        for some in zip(value.split(count, 1), precision.split(count, 1), strict=True)
    ]
    return torch.cat(found, 1) if len(found) > 1 else found[0]


def _even(
    value: Float[Tensor, "quantity batch head site sector"],
    precision: Float[Tensor, "quantity batch head site sector"],
    moments: Float[Tensor, "quantity 2 any_site sector y x"],
    sites: Int[Tensor, " site"],
    site_variance: Float[Tensor, " quantity"],
    common_variance: Float[Tensor, " quantity"],
) -> Float[Tensor, "quantity batch head y x"]:
    seen = torch.tensor(seen_items(precision.sum((0, 4))), dtype=torch.int64, device=sites.device)
    weight, off = (each.index_select(3, seen).flatten(1, 2) for each in (precision, value))
    v, first = site_variance[:, None, None, None], weight * off
    total, product = weight.sum(-1, keepdim=True), first.sum(-1, keepdim=True)
    shrink = 1 / (1 + v * total)
    scale = (v * shrink).sqrt()
    common = 1 / (1 + common_variance[:, None] * (total * shrink).sum((2, 3)))
    constant = (shrink.log().sum((2, 3)) + common.log() - (first * off).sum((2, 3)))[..., None]
    squares, linears = torch.cat([2 * first, -weight], 2).flatten(2), (-shrink * weight).flatten(2)
    owns, own_constant = ((scale * each).transpose(1, 2).flatten(0, 1) for each in (-weight, product))
    start, outer = (shrink * product).sum(2), (common_variance[:, None] * common)[..., None]
    every = are_all(sites[seen], moments[0, 0])
    found = []
    for mapped in moments.flatten(4).split(max(2 * AT_ONCE // max(owns[..., 0].numel(), 1), 512), 4):
        part = mapped if every else mapped.index_select(2, sites[seen])
        own = torch.baddbmm(own_constant, owns, part[:, 0].flatten(0, 1)).unflatten(0, part.shape[:3:2])
        linear = torch.baddbmm(start, linears, part[:, 0].flatten(1, 2))
        doubled = torch.baddbmm(constant, squares, part.flatten(1, 3)) + own.square().sum(1)
        found.append(torch.addcmul(doubled, outer, linear.square()))
    return (0.5 * torch.cat(found, 2)).reshape(*value.shape[:3], *moments.shape[4:])
