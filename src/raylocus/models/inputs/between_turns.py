"""Beams of antennas that are turned by azimuths halfway between those that R knows."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

#: Weights of four turns halfway between the middle two: the cubic through all of them.
CUBIC = (-1 / 16, 9 / 16, 9 / 16, -1 / 16)


def with_halfway(
    beams: Float[Tensor, "*cell turn y x"], turns: Float[Tensor, " turn"]
) -> tuple[Float[Tensor, "*cell finer_turn y x"], Float[Tensor, " finer_turn"]]:
    """Levels of a cell's beams [dB] at R's turns and halfway between two of them; of one turn these alone.

    A beam is 13° wide. An antenna that points between two of R's turns, 6° apart, has beams that are 2.6 dB (RMS) off
    those of either; halfway, the cubic is 1 dB off, and between the outermost turns, where it would reach for one that
    R lacks, the mean of both 1.3 dB.

    Args:
        beams: levels at each of the turns [dB].
        turns: evenly spaced, ascending [rad].
    """
    finer = beams.new_empty(*beams.shape[:-3], 2 * len(turns) - 1, *beams.shape[-2:])
    finer[..., ::2, :, :] = beams
    finer[..., 1::2, :, :] = (beams[..., 1:, :, :] + beams[..., :-1, :, :]) / 2
    if len(turns) > 3:
        parts = [beams[..., first : len(turns) - 3 + first, :, :] for first in range(4)]
        finer[..., 3:-3:2, :, :] = sum(
            (weight * part for weight, part in zip(CUBIC, parts, strict=True)), torch.zeros(())
        )
    middle = (turns[1:] + turns[:-1]) / 2
    return finer, torch.cat([turns, middle]).sort().values
