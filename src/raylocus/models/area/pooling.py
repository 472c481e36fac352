"""The reports of one phone together: a forward filter over the ground, for phones that stand, walk or drive.

What a network and its ground are wrong about, reports near each other share. Each report but the last therefore counts
only as far as the phone has moved on since, by its likelihood to the power `SAME` + (1 − `SAME`)(1 − exp(−moved / ℓ)).
Speed is unknown: one filter for each of `SPEEDS`, and their mixture. The last report counts whole and has its squares
kept, so that a phone that reports once is answered as if nothing was pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import map_coordinates
from scipy.special import ndtr
from torch import Tensor

from raylocus.geo import Grid
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses
from raylocus.ragged import Rows

#: Speeds [m/s] and their shares: standing, walking, driving in a town, driving fast.
SPEEDS, SPEED_SHARES = (0.0, 1.3, 6.0, 15.0), (0.3, 0.3, 0.25, 0.15)
#: Power of a report that nothing separates from the next, and distance over which errors forget, in scales.
SAME, FORGOTTEN = 0.03, 1.0
#: Share of every report that is even over the ground that is looked at: any of them may be all wrong.
EVEN = 0.1
#: Ground cells along the side of the square that is filtered on.
SIDE = 96
#: Of the squares of the last report so many are divided in each of so many rounds, into `PARTS` × `PARTS`.
DIVIDED, ROUNDS, PARTS = 48, 2, 4


def pooled(
    ground: GroundMasses,
    scale: Float[np.ndarray, " report"],
    time: Float[np.ndarray, " report"],
    phones: Rows,
) -> GroundMasses:
    """Where phones are at their last reports, by all of their reports.

    Args:
        ground: the posterior of each report by itself.
        scale: spacing of sites about each [m].
        time: of each report, ascending for each phone [s].
        phones: the reports of each phone: of every one a single report, which is then answered as it is, or several.
    """
    if phones.lengths.max() == 1:
        return ground
    last = phones.offsets[1:] - 1
    found = ground.select(last)
    own = found.masses
    before = [
        _before(ground, np.arange(start, stop), middle, scale[stop - 1], time)
        for start, stop, middle in zip(
            phones.offsets[:-1].tolist(), phones.offsets[1:].tolist(), found.median, strict=True
        )
    ]
    factor = _factors(own.centre, found.origin, before)
    for _ in range(ROUNDS):
        own = _divided(own, own.mass * factor)
        added = own.centre[:, factor.shape[1] :]
        factor = torch.cat([factor, _factors(added, found.origin, before)], dim=1)
    mass = own.mass * factor
    return GroundMasses(found.origin, replace(own, mass=mass / mass.sum(1, keepdim=True)))


@dataclass(frozen=True)
class _Before:
    """What the earlier reports of a phone say of where it is at its last."""

    grid: Grid
    density: Float[np.ndarray, "y x"]
    """Relative to an even one."""

    def at(self, points: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, " point"]:
        """Relative density at points."""
        away = (points - np.array(self.grid.centre)) / self.grid.resolution + (self.grid.count - 1) / 2
        return map_coordinates(self.density, away.T[::-1], order=1, mode="constant", cval=EVEN)


def _factors(
    centre: Float[Tensor, "phone cell 2"], origin: Float[np.ndarray, "phone 2"], before: Sequence[_Before]
) -> Float[Tensor, "phone cell"]:
    """What earlier reports say of each phone's squares."""
    points = centre.numpy() + origin[:, None]
    factor = np.stack([each.at(some) for each, some in zip(before, points, strict=True)])
    return torch.from_numpy(factor).float()


def _divided(own: CellMasses, mass: Float[Tensor, "phone cell"]) -> CellMasses:
    """The same with those squares divided that hold most of another mass; their parts come last."""
    top = mass.topk(min(DIVIDED, mass.shape[1]), dim=1).indices
    side, parts = own.side.gather(1, top) / PARTS, own.mass.gather(1, top) / PARTS**2
    axis = torch.arange(PARTS) - (PARTS - 1) / 2
    step = torch.cartesian_prod(axis, axis) * side[..., None, None]
    centre = own.centre.gather(1, top[..., None].expand(-1, -1, 2))[:, :, None] + step
    rest = own.mass.scatter(1, top, 0.0)
    return CellMasses(
        torch.cat([own.centre, centre.flatten(1, 2)], dim=1),
        torch.cat([own.side, side.repeat_interleave(PARTS**2, dim=1)], dim=1),
        torch.cat([rest, parts.repeat_interleave(PARTS**2, dim=1)], dim=1),
        (*(own.blocks or ((1, rest.shape[1]),)), (PARTS, top.shape[1])),
    )


def _before(
    ground: GroundMasses,
    reports: Int[np.ndarray, " report"],
    middle: Float[np.ndarray, "2"],
    scale: float,
    time: Float[np.ndarray, " every"],
) -> _Before:
    grid = ground.square(middle, reports, SIDE)
    log_density = _softened(torch.from_numpy(ground.rasters(reports[:-1], grid))).log()
    moved = np.outer(np.diff(time[reports]), SPEEDS)
    filtered = _filtered(log_density, moved, scale, grid)
    return _Before(grid, np.tensordot(SPEED_SHARES, filtered.double().numpy(), 1))


def _softened(mass: Float[Tensor, "*speed y x"]) -> Float[Tensor, "*speed y x"]:
    """Relative to an even density, and a part of it."""
    mean = mass.mean((-2, -1), keepdim=True).clamp_(min=1e-12)
    return (1 - EVEN) * mass / mean + EVEN


def _filtered(
    log_density: Float[Tensor, "report y x"],
    moved: Float[np.ndarray, "report speed"],
    scale: float,
    grid: Grid,
) -> Float[Tensor, "speed y x"]:
    """Density at the last report, relative to an even one, when so much is moved after each of the others [m]."""
    power = SAME + (1 - SAME) * (1 - np.exp(-moved / (FORGOTTEN * scale)))
    found = torch.ones(moved.shape[1], grid.count, grid.count)
    for own, exponents, steps in zip(log_density, torch.from_numpy(power).float(), moved, strict=True):
        spread = _spread(steps[1:] / np.sqrt(2) / grid.resolution, grid.count)
        found = found * torch.exp(exponents[:, None, None] * own)
        # The first of the speeds is none.
        found[1:] = spread @ found[1:] @ spread.mT
        found = _softened(found)
    return found


def _spread(deviation: Float[np.ndarray, " speed"], count: int) -> Float[Tensor, "speed to from"]:
    """Where mass of each of so many cells in a row goes by a normal law [cells]; beyond its ends it stops at them."""
    step = np.arange(-count, count) + 0.5
    below = ndtr(step / np.maximum(deviation[:, None], 1e-9))
    # Each row holds the same steps, one cell further on than the row above.
    within = np.diff(below, axis=1).astype(np.float32)
    rows = sliding_window_view(within, count, axis=1)[:, count - 1 :: -1].copy()
    rows[:, :, 0], rows[:, :, -1] = below[:, count:0:-1], 1 - below[:, 2 * count - 2 : count - 2 : -1]
    return torch.from_numpy(rows)
