"""One posterior of two stages: masses over an area's ground, and what maps say in windows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses

#: Region of the first stage that the second is compared with.
REGION = 0.95


@dataclass(frozen=True)
class Look:
    """What the second stage says of one report in one window."""

    grid: Grid
    density: Float[np.ndarray, "squares_y squares_x"]
    statistics: Float[torch.Tensor, " statistic"]


def joined(ground: GroundMasses, looks: Sequence[Sequence[Look]], right: float) -> GroundMasses:
    """First and second stage as one; reports have as many squares as the longest, of the others some without mass.

    The density is the mixture of what either would say; the position is that of the likelier, as in a place, and of
    the windows alone where they hold most of the mass. What they leave of the first stage is a tenth of it, often all
    on one side, and would draw a position by a third of the error that a phone has in a known tile.

    Args:
        ground: the first stage's posteriors.
        looks: the second's of each report, the fullest window first.
        right: probability that the maps are right.
    """
    own = ground.masses
    share = torch.ones_like(own.mass)
    parts = [
        [_replaced(ground, index, look, share[index]) for look in of_report]
        for index, of_report in enumerate(looks)
    ]
    most = max(sum(part.mass.shape[1] for part in of_report) for of_report in parts)
    centre, side, added = (
        torch.cat(each) for each in zip(*(_padded(of_report, most) for of_report in parts), strict=True)
    )
    left = own.mass * share
    sharp = _normalised(
        torch.cat([own.centre, centre], dim=1),
        torch.cat([own.side, side], dim=1),
        torch.cat([left, added], dim=1),
    )
    plain = torch.cat([own.mass, torch.zeros_like(added)], dim=1)
    mixed = replace(sharp, mass=right * sharp.mass + (1 - right) * plain)
    if right < 0.5:
        return GroundMasses(ground.origin, mixed, ground.median)
    seen = added.sum(1, keepdim=True) > left.sum(1, keepdim=True)
    likelier = torch.cat([torch.where(seen, 0.0, left), added], dim=1)
    median = _normalised(sharp.centre, sharp.side, likelier).median()
    return GroundMasses(ground.origin, mixed, ground.origin + median.numpy())


def _normalised(
    centre: Float[torch.Tensor, "report cell 2"],
    side: Float[torch.Tensor, "report cell"],
    mass: Float[torch.Tensor, "report cell"],
) -> CellMasses:
    return CellMasses(centre, side, mass / mass.sum(1, keepdim=True))


def agreement(first: Float[np.ndarray, "y x"], second: Float[np.ndarray, "y x"]) -> float:
    """Share of the second density that lies in the first one's region of mass `REGION`, both over one window."""
    order = np.argsort(-first, axis=None, kind="stable")
    held = np.cumsum(first.ravel()[order])
    inside = order[: int(np.searchsorted(held, REGION * held[-1])) + 1]
    return float(second.ravel()[inside].sum() / max(second.sum(), 1e-30))


def _replaced(ground: GroundMasses, index: int, look: Look, share: torch.Tensor) -> CellMasses:
    """The squares of a window's second stage; what the first stage keeps of its own is written to `share`."""
    grid, density = look.grid, look.density
    squares = Grid(grid.size, grid.size / len(density), grid.centre)
    trust = agreement(ground.raster(index, squares), density)
    centre = ground.masses.centre[index].numpy() + ground.origin[index]
    inside = torch.from_numpy(grid.contains(centre)) & (share == 1)
    held = float((ground.masses.mass[index] * inside).sum())
    share[inside] = 1 - trust
    at = torch.from_numpy(squares.centres - ground.origin[index]).float()
    mass = torch.from_numpy(held * trust * density.ravel() / max(density.sum(), 1e-30)).float()
    return CellMasses(at[None], torch.full((1, len(at)), squares.resolution), mass[None])


def _padded(parts: list[CellMasses], most: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centres, sides and masses of one report's squares, filled up with squares without mass."""
    missing = most - sum(part.mass.shape[1] for part in parts)
    fill = CellMasses(torch.zeros(1, missing, 2), torch.ones(1, missing), torch.zeros(1, missing))
    every = [*parts, fill]
    columns = ([part.centre for part in every], [part.side for part in every], [part.mass for part in every])
    centre, side, mass = (torch.cat(column, dim=1) for column in columns)
    return centre, side, mass
