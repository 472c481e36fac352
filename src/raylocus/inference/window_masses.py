"""One posterior of two stages: masses over an area's ground, and what maps say in windows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.inference.opinions import pooled, shares
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses


@dataclass(frozen=True)
class Look:
    """What the second stage says of one report in one window."""

    grid: Grid
    density: Float[np.ndarray, "squares_y squares_x"]
    statistics: Float[torch.Tensor, " statistic"]

    @property
    def squares(self) -> Grid:
        """Those of the density."""
        return Grid(self.grid.size, self.grid.size / len(self.density), self.grid.centre)


@dataclass(frozen=True)
class Opinions:
    """What both stages say of one report in one window, each as shares of it."""

    look: Look
    sites: Float[torch.Tensor, "squares_y squares_x"]
    maps: Float[torch.Tensor, "squares_y squares_x"]

    @classmethod
    def of(cls, ground: GroundMasses, index: int, look: Look) -> Opinions:
        """Those of a report of the first stage."""
        sites, maps = ground.raster(index, look.squares), look.density
        return cls(look, *(shares(torch.from_numpy(each).double()) for each in (sites, maps)))


@dataclass(frozen=True)
class Belief:
    """How far maps are believed."""

    weight: float
    """Of what maps say beside what sites say."""
    wrong: float
    """Probability that they are surely wrong, and sites are right alone."""


def joined(ground: GroundMasses, opinions: Sequence[Sequence[Opinions]], belief: Belief) -> GroundMasses:
    """First and second stage as one; reports have as many squares as the longest, of the others some without mass.

    A window's mass stays what the first stage gave it. The position is that of the windows alone where they hold most
    of the mass: what they leave of the first stage is a tenth of it, often all on one side, and would draw a position
    by a third of the error that a phone has in a known tile.

    Args:
        ground: the first stage's posteriors.
        opinions: both stages' of each report, the fullest window first.
        belief: what all reports say of the maps.
    """
    own, left = ground.masses, ground.masses.mass.clone()
    parts = [
        [_replaced(ground, index, each, left[index], belief) for each in of_report]
        for index, of_report in enumerate(opinions)
    ]
    most = max(sum(part.mass.shape[1] for part in of_report) for of_report in parts)
    centre, side, added = (
        torch.cat(each) for each in zip(*(_padded(of_report, most) for of_report in parts), strict=True)
    )
    centre, side = torch.cat([own.centre, centre], dim=1), torch.cat([own.side, side], dim=1)
    seen = added.sum(1, keepdim=True) > left.sum(1, keepdim=True)
    likelier = torch.cat([torch.where(seen, 0.0, left), added], dim=1)
    median = CellMasses(centre, side, likelier / likelier.sum(1, keepdim=True)).median()
    masses = CellMasses(centre, side, torch.cat([left, added], dim=1))
    return GroundMasses(ground.origin, masses, ground.origin + median.numpy())


def _replaced(
    ground: GroundMasses, index: int, opinions: Opinions, left: Float[torch.Tensor, " cell"], belief: Belief
) -> CellMasses:
    """The squares of a window with the mass that the first stage has in it, which is taken off what is `left` of it."""
    squares = opinions.look.squares
    centre = ground.masses.centre[index].numpy() + ground.origin[index]
    inside = torch.from_numpy(squares.contains(centre))
    held = float(left[inside].sum())
    left[inside] = 0
    both = pooled(opinions.sites, opinions.maps, belief.weight)
    share = (1 - belief.wrong) * both + belief.wrong * opinions.sites
    at = torch.from_numpy(squares.centres - ground.origin[index]).float()
    return CellMasses(
        at[None], torch.full((1, len(at)), squares.resolution), (held * share).float().flatten()[None]
    )


def _padded(parts: list[CellMasses], most: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centres, sides and masses of one report's squares, filled up with squares without mass."""
    missing = most - sum(part.mass.shape[1] for part in parts)
    fill = CellMasses(torch.zeros(1, missing, 2), torch.ones(1, missing), torch.zeros(1, missing))
    every = [*parts, fill]
    columns = ([part.centre for part in every], [part.side for part in every], [part.mass for part in every])
    centre, side, mass = (torch.cat(column, dim=1) for column in columns)
    return centre, side, mass
