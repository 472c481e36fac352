"""Sums over sites of a Gaussian likelihood at every ground cell, and their gradients without what led to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


class SiteErrors(torch.autograd.Function):
    """Squared distance d, log-width l and common offset o of errors common to sites and to all.

    With q, L and W − 1 linear in the moments of each site, s = 1/W, M = ΣsL, H = Σ(1 − s) and C = 1 + rH:
    o = rM/C, d = Σ(q − sL²) − oM and l = ΣlogW + logC.

    Autograd would keep some ten rasters of every site until it needs them; here all is worked out again, on ground so
    small that it stays in the processor's cache.
    """

    @staticmethod
    def forward(
        ctx: Any,
        squares: Float[Tensor, "site row three_slots"],
        linears: Float[Tensor, "site row two_slots"],
        widths: Float[Tensor, "site row slot"],
        ratio: Float[Tensor, ""],
        count: int,
        *moments: Float[Tensor, "three_slots ground"],
    ) -> tuple[Float[Tensor, "row ground"], Float[Tensor, "row ground"], Float[Tensor, "row ground"]]:
        """The three.

        Args:
            ctx: what is kept for `backward`.
            squares: of moments 1, R, R², to q.
            linears: of moments 1, R, to L.
            widths: of moment 1, to W − 1.
            ratio: r.
            count: ground cells that are worked on at once.
            moments: of each site.
        """
        found = [
            _sums(squares, linears, widths, ratio, [each[:, start : start + count] for each in moments])
            for start in range(0, moments[0].shape[1], count)
        ]
        distance, log_width, offset, common = (torch.cat(each, 1) for each in zip(*found, strict=True))
        ctx.count = count
        ctx.save_for_backward(squares, linears, widths, ratio, offset, common, *moments)
        return distance, log_width, offset

    # PyTorch's stub of `once_differentiable` loses the name of `ctx`.
    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Float[Tensor, "row ground"]) -> tuple[Tensor | int | None, ...]:  # pyrefly: ignore[bad-override]
        """Gradients of the first four."""
        squares, linears, widths, ratio, offset, common, *moments = ctx.saved_tensors
        found = [torch.zeros_like(each) for each in (squares, linears, widths, ratio)]
        for start in range(0, offset.shape[1], ctx.count):
            here = slice(start, start + ctx.count)
            of_distance, of_width, of_offset, o, c = (each[:, here] for each in (*gradients, offset, common))
            of_mean = of_offset * ratio / c - 2 * o * of_distance
            of_common = of_distance * o.square() / ratio + (of_width - of_offset * o) / c
            explicit = o * (of_offset - of_distance * o * c / ratio) + of_common * (c - 1)
            found[3] += explicit.sum() / ratio
            of_held = ratio * of_common
            for site, whole in enumerate(moments):
                mapped = whole[:, here]
                own, linear = _width_and_linear(linears[site], widths[site], mapped)
                shrink = own.reciprocal_()
                scaled = linear * of_distance
                of_shrink = linear.mul_(of_mean - scaled).sub_(of_held)
                of_linear = scaled.mul_(-2).add_(of_mean).mul_(shrink)
                of_own = shrink * torch.addcmul(of_width, shrink, of_shrink, value=-1)
                for gradient, of in zip(found, (of_distance, of_linear, of_own), strict=False):
                    gradient[site].addmm_(of, mapped[: gradient.shape[2]].T)
        return (*found, None, *(None for _ in moments))


def _sums(
    squares: Float[Tensor, "site row three_slots"],
    linears: Float[Tensor, "site row two_slots"],
    widths: Float[Tensor, "site row slot"],
    ratio: Float[Tensor, ""],
    moments: Sequence[Float[Tensor, "three_slots ground"]],
) -> tuple[Float[Tensor, "row ground"], ...]:
    """d, l, o and C over some ground."""
    distance, mean, shrunk = squares.new_zeros(3, squares.shape[1], moments[0].shape[1])
    width = torch.ones_like(mean)
    for site, mapped in enumerate(moments):
        own, linear = _width_and_linear(linears[site], widths[site], mapped)
        width *= own
        shrink = own.reciprocal_()
        shrunk += shrink
        product = linear * shrink
        mean += product
        distance.addmm_(squares[site], mapped).addcmul_(linear, product, value=-1)
    common = 1 + ratio * (len(moments) - shrunk)
    offset = ratio * mean / common
    return distance.addcmul_(offset, mean, value=-1), width.mul_(common).log_(), offset, common


def _width_and_linear(
    linear: Float[Tensor, "row two_slots"],
    width: Float[Tensor, "row slot"],
    mapped: Float[Tensor, "three_slots ground"],
) -> tuple[Float[Tensor, "row ground"], Float[Tensor, "row ground"]]:
    """W and L of a site."""
    own = torch.addmm(width.new_ones(()), width, mapped[: width.shape[1]])
    return own, linear @ mapped[: linear.shape[1]]
