"""Beams of one cell against its mapped ones, the antenna turned at every place as fits best there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.autograd.function import once_differentiable

from raylocus.models.evidence.gaussian import AT_ONCE


def beam_distance(
    seen: Float[Tensor, "row beam"],
    weight: Float[Tensor, "row beam"],
    offset: Float[Tensor, ""],
    turn: Float[Tensor, " turn"],
    mapped: Float[Tensor, "beam turn ground"],
) -> Float[Tensor, "row ground"]:
    """Squared distance, in deviations, of mapped beams from reported ones; at each ground cell the least of all turns.

    With weights w and levels m mapped, y reported: Σw(y − m)² less what an error common to the beams explains,
    s(Σw(y − m))² with s = offset/(1 + offset·Σw), and what the turn adds.

    Args:
        seen: reported levels [dB].
        weight: 1/variance of each one's own error [1/dB²]; 0 where it was not reported.
        offset: variance of the error common to the beams [dB²].
        turn: what each turn adds.
        mapped: levels for each turn [dB], of any precision.
    """
    first, total = weight * seen, weight.sum(1, keepdim=True)
    common = (offset / (1 + offset * total)).sqrt()
    rows = [torch.cat([weight, -2 * first], 1), torch.cat([torch.zeros_like(weight), -common * weight], 1)]
    constants = [(first * seen).sum(1), common[:, 0] * first.sum(1)]
    found: Tensor = _NearestTurn.apply(torch.stack(rows, 1), torch.stack(constants, 1), turn, mapped)
    return found


class _NearestTurn(torch.autograd.Function):
    """min over turns t of turn_t + S_t − L_t², S and L being linear in m² and m.

    The gradient of a minimum is that of the term which is chosen: which one that was is all that is kept, a byte
    each, and the term is worked out again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: Float[Tensor, "row 2 two_beams"],
        constants: Float[Tensor, "row 2"],
        turn: Float[Tensor, " turn"],
        mapped: Float[Tensor, "beam turn ground"],
    ) -> Float[Tensor, "row ground"]:
        flat = rows.flatten(0, 1)
        adds = torch.stack([turn, torch.zeros_like(turn)], 1)
        starts = (constants + adds[:, None]).flatten(1)[..., None]
        parts = [_least(flat, starts, part) for part in _parts(mapped, len(flat), rows)]
        chosen = torch.cat([which for _, which in parts], 1)
        ctx.save_for_backward(rows, constants, turn, mapped, chosen)
        return torch.cat([least for least, _ in parts], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "row ground"]) -> tuple[Tensor | None, ...]:
        rows, constants, turn, mapped, chosen = ctx.saved_tensors
        of_rows, of_constants, of_turn = map(torch.zeros_like, (rows, constants, turn))
        start = 0
        for part in _parts(mapped, rows.shape[0] * rows.shape[2], rows):
            which = chosen[:, start : start + part.shape[2]].long()
            own = gradient[:, start : start + part.shape[2]]
            start += part.shape[2]
            beams = part.gather(1, which.expand(len(part), -1, -1)).transpose(0, 1)
            powers = torch.cat([beams.square(), beams], 1)
            level = torch.baddbmm(constants[:, 1:, None], rows[:, 1:], powers)[:, 0]
            of_both = torch.stack([own, -2 * own * level], 1)
            of_rows += of_both @ powers.transpose(1, 2)
            of_constants += of_both.sum(2)
            of_turn.index_add_(0, which.flatten(), own.flatten())
        return of_rows, of_constants, of_turn, None


def _parts(
    mapped: Float[Tensor, "beam turn ground"], rows: int, like: Tensor
) -> Iterator[Float[Tensor, "beam turn some_ground"]]:
    """Some ground after the other, as much as stays in the processor's cache with so many rows of numbers."""
    return (part.to(like.dtype) for part in mapped.split(max(AT_ONCE // max(rows, 1), 1), 2))


def _least(
    rows: Float[Tensor, "two_rows two_beams"],
    starts: Float[Tensor, "turn two_rows 1"],
    mapped: Float[Tensor, "beam turn ground"],
) -> tuple[Float[Tensor, "row ground"], UInt8[Tensor, "row ground"]]:
    """The least distance, and which turn it is of."""
    powers = torch.cat([mapped.square(), mapped])
    least = _distance(rows, starts[0], powers[:, 0])
    chosen = torch.zeros_like(least, dtype=torch.uint8)
    for turn in range(1, mapped.shape[1]):
        distance = _distance(rows, starts[turn], powers[:, turn])
        # Turns ascend, so the last one that is nearer than all before is the largest.
        torch.maximum(chosen, (distance < least).view(torch.uint8).mul_(turn), out=chosen)
        torch.minimum(least, distance, out=least)
    return least, chosen


def _distance(
    rows: Float[Tensor, "two_rows two_beams"],
    start: Float[Tensor, "two_rows 1"],
    powers: Float[Tensor, "two_beams ground"],
) -> Float[Tensor, "row ground"]:
    square, level = torch.addmm(start, rows, powers).unflatten(0, (-1, 2)).unbind(1)
    return torch.addcmul(square, level, level, value=-1)
