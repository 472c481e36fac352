"""Beams of cells against their mapped ones, the antenna turned at every place as fits best there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Numbers in each of the things that are worked on at once: few enough to stay in the processor's cache.
CACHED = 1 << 18


def cells_at_once(beams: int, turns: int, ground: int) -> int:
    """Cells that are worked on together: so many as keep `CACHED` numbers busy, one where there is much ground."""
    return max(CACHED // (_power_count(beams) * turns * ground), 1)


def beam_distance(
    seen: Float[Tensor, "cell row beam"],
    weight: Float[Tensor, "cell row beam"],
    offset: Float[Tensor, ""],
    turn: Float[Tensor, " turn"],
    mapped: Float[Tensor, "cell beam turn ground"],
) -> Float[Tensor, "cell row ground"]:
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
    first, total = weight * seen, weight.sum(-1, keepdim=True)
    common = (offset / (1 + offset * total)).sqrt()
    square = torch.cat([weight, -2 * first, (first * seen).sum(-1, keepdim=True)], -1)
    level = torch.cat([0 * weight, -common * weight, common * first.sum(-1, keepdim=True)], -1)
    rows = torch.stack([square, level], 2)
    if not (torch.is_grad_enabled() and (rows.requires_grad or turn.requires_grad)):
        return _least_of_all(rows, turn, mapped)
    found: list[Tensor] = [
        _NearestTurn.apply(*each, turn, levels) for *each, levels in zip(rows, mapped, strict=True)
    ]
    return torch.stack(found)


def _power_count(beams: int) -> int:
    """m² and m of each beam, 1, and what a turn adds."""
    return 2 * beams + 2


def _least_of_all(
    rows: Float[Tensor, "cell row 2 power"],
    turn: Float[Tensor, " turn"],
    mapped: Float[Tensor, "cell beam turn ground"],
) -> Float[Tensor, "cell row ground"]:
    """What `_NearestTurn` finds, where nobody asks which turn it is of: all turns at once, in the same few buffers."""
    (cells, beams, turns, ground), count = mapped.shape, rows.shape[1]
    square = torch.cat([rows[:, :, 0], torch.ones_like(rows[:, :, 0, :1])], 2)
    level, least = rows[:, :, 1, beams:].contiguous(), rows.new_empty(cells, count, ground)
    size = min(max(CACHED // (cells * turns * max(_power_count(beams), 2 * count)), 1), ground)
    powers = rows.new_empty(cells, _power_count(beams), turns, size)
    powers[:, -2], powers[:, -1] = 1, turn[:, None]
    squares, levels = powers[:, :beams], powers[:, beams:-2]
    every, first = powers.flatten(2), powers[:, beams:-1].flatten(2)
    own, other = rows.new_empty(2, cells, count, turns, size)
    of_square, of_level = own.flatten(2), other.flatten(2)
    for start in range(0, ground, size):
        # The last part overlaps the one before, so that it fills the buffers.
        at = min(start, ground - size)
        levels.copy_(mapped[..., at : at + size])
        torch.square(levels, out=squares)
        torch.bmm(square, every, out=of_square)
        torch.bmm(level, first, out=of_level)
        torch.amin(own.addcmul_(other, other, value=-1), 2, out=least[..., at : at + size])
    return least


class _NearestTurn(torch.autograd.Function):
    """min over turns t of turn_t + S_t − L_t², S and L being linear in m², m and 1.

    The gradient of a minimum is that of the term which is chosen: which one that was is all that is kept, a byte
    each, and the term is worked out again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: Float[Tensor, "row 2 power"],
        turn: Float[Tensor, " turn"],
        mapped: Float[Tensor, "beam turn ground"],
    ) -> Float[Tensor, "row ground"]:
        every = _rows_of_turns(rows, turn)
        parts = [
            _least(every, _powers(part.movedim(1, 0), rows.dtype)) for part in _parts(mapped, 2 * len(rows))
        ]
        chosen = torch.cat([which for _, which in parts], 1)
        ctx.save_for_backward(rows, turn, mapped, chosen)
        return torch.cat([least for least, _ in parts], 1)

    # PyTorch's stubs have any number of gradients here; there are as many as `forward` gives results.
    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "row ground"]) -> tuple[Tensor | None, ...]:  # pyrefly: ignore[bad-override]
        rows, turn, mapped, chosen = ctx.saved_tensors
        of_rows, of_turn = torch.zeros_like(rows), torch.zeros_like(turn)
        parts = _parts(mapped, rows[:, 0].numel())
        sizes = [part.shape[2] for part in parts]
        for part, which, own in zip(parts, chosen.split(sizes, 1), gradient.split(sizes, 1), strict=True):
            index = which.long()
            beams = part.to(rows.dtype).gather(1, index.expand(len(part), -1, -1))
            powers = _powers(beams.transpose(0, 1), rows.dtype)
            level = (rows[:, 1:] @ powers)[:, 0]
            of_rows += torch.stack([own, -2 * own * level], 1) @ powers.mT
            of_turn.index_add_(0, index.flatten(), own.flatten())
        return of_rows, of_turn, None


def _rows_of_turns(
    rows: Float[Tensor, "row 2 power"], turn: Float[Tensor, " turn"]
) -> Float[Tensor, "turn two_rows power"]:
    every = rows.repeat(len(turn), 1, 1, 1)
    every[:, :, 0, -1] += turn[:, None]
    return every.flatten(1, 2)


def _parts(
    mapped: Float[Tensor, "beam turn ground"], rows: int
) -> Sequence[Float[Tensor, "beam turn some_ground"]]:
    """Some ground after the other, as much as stays in the processor's cache with so many rows of numbers."""
    return mapped.split(max(CACHED // max(rows, mapped[..., 0].numel()), 1), 2)


def _powers(
    values: Float[Tensor, "any beam ground"], dtype: torch.dtype
) -> Float[Tensor, "any power ground"]:
    """m² of each beam, then m, then 1."""
    many, beams, ground = values.shape
    powers = values.new_empty(many, 2 * beams + 1, ground, dtype=dtype)
    powers[:, beams:-1], powers[:, -1] = values, 1
    torch.square(powers[:, beams:-1], out=powers[:, :beams])
    return powers


def _least(
    rows: Float[Tensor, "turn two_rows power"], powers: Float[Tensor, "turn power ground"]
) -> tuple[Float[Tensor, "row ground"], UInt8[Tensor, "row ground"]]:
    """The least distance, and which turn it is of."""
    least = _distance(rows[0], powers[0])
    chosen = torch.zeros_like(least, dtype=torch.uint8)
    for turn in range(1, len(rows)):
        distance = _distance(rows[turn], powers[turn])
        # Turns ascend, so the last one that is nearer than all before is the largest.
        torch.maximum(chosen, (distance < least).view(torch.uint8).mul_(turn), out=chosen)
        torch.minimum(least, distance, out=least)
    return least, chosen


def _distance(
    rows: Float[Tensor, "*turn two_rows power"], powers: Float[Tensor, "*turn power ground"]
) -> Float[Tensor, "*turn row ground"]:
    square, level = (rows @ powers).unflatten(-2, (-1, 2)).unbind(-2)
    return torch.addcmul(square, level, level, value=-1)
