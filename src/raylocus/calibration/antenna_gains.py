"""What an antenna sends along directions, differentiable in float64: element pattern of TR 38.901, panel and SSB beams.

The same physics as `propagation.antennas.antennas`, which R is computed by. A test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.scenes.sites import AntennaArray, PatternCuts

#: Narrowest beamwidth that a pattern may have [degrees].
NARROWEST = 10.0


def in_antenna_frame(
    direction: Float[Tensor, "path 3"], azimuth: Tensor, downtilt: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Along the boresight, to its left and up along the panel."""
    x, y, z = direction.unbind(1)
    forward = torch.cos(azimuth) * x + torch.sin(azimuth) * y
    left = torch.cos(azimuth) * y - torch.sin(azimuth) * x
    along = torch.cos(downtilt) * forward - torch.sin(downtilt) * z
    return along, left, torch.sin(downtilt) * forward + torch.cos(downtilt) * z


def element_gain_db(
    local: tuple[Tensor, Tensor, Tensor], pattern: Float[Tensor, "path 5"], cuts: PatternCuts | None
) -> Float[Tensor, " path"]:
    """`propagation.antennas.antennas.element_gain_db`; no beam is narrower and no floor lower than can be."""
    along, left, up = local
    elevation = torch.rad2deg(torch.asin(up.clamp(-1 + 1e-12, 1 - 1e-12)))
    turned = torch.rad2deg(torch.atan2(left, along))
    width_azimuth, width_elevation = (pattern[:, column].clamp(min=NARROWEST) for column in (0, 1))
    if cuts is not None:
        loss = _at(-turned, cuts.azimuth) + _at(-elevation, cuts.elevation)
        return pattern[:, 4] - torch.minimum(loss, pattern[:, 3].clamp(min=0))
    side, back = (pattern[:, column].clamp(min=0) for column in (2, 3))
    vertical = torch.minimum(12 * (elevation / width_elevation) ** 2, side)
    horizontal = torch.minimum(12 * (turned / width_azimuth) ** 2, back)
    return pattern[:, 4] - torch.minimum(vertical + horizontal, back)


def _at(degrees: Float[Tensor, " path"], loss: Sequence[float]) -> Float[Tensor, " path"]:
    """Loss of a measured cut [dB] at angles in degrees, linear between its even steps."""
    table = torch.tensor([*loss, loss[0]], dtype=degrees.dtype)
    step = 360.0 / len(loss)
    place = torch.remainder(degrees, 360.0) / step
    below = place.detach().floor().long().clamp(0, len(loss) - 1)
    return table[below] + (table[below + 1] - table[below]) * (place - below)


def row_factors(cosine: Float[Tensor, " path"], array: AntennaArray) -> Float[Tensor, " path"]:
    """Power gain of a panel's rows by the cosine of each direction with its up."""
    return _array_factors(cosine[:, None], torch.zeros(1, dtype=cosine.dtype), array.rows)[:, 0]


def column_factors(cosine: Float[Tensor, "path _"], array: AntennaArray) -> Float[Tensor, "path beam"]:
    """Power gain of a panel's columns in each beam by the cosine of each direction with its left."""
    steered = torch.from_numpy(np.sin(beam_azimuths(array)))
    return _array_factors(cosine, steered, array.columns)


def _array_factors(
    cosine: Float[Tensor, "path _"], steered: Float[Tensor, " beam"], elements: int
) -> Float[Tensor, "path beam"]:
    """|Σ exp(jπm(u − u_b))|² / N = 1 + (2/N) Σ_m (N − m) cos(mπ(u − u_b)), by Chebyshev's recursion."""
    once = torch.cos(math.pi * (cosine - steered))
    before, now, total = torch.ones_like(once), once, torch.ones_like(once)
    for order in range(1, elements):
        total = total + 2 * (elements - order) / elements * now
        before, now = now, 2 * once * now - before
    return total.clamp(min=0)


def from_decibel(level: Tensor) -> Tensor:
    """Power ratio of decibels."""
    return torch.exp(level * (math.log(10) / 10))
