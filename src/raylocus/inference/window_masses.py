"""One posterior of two stages: masses over an area's ground, and what maps say in windows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.inference.opinions import pooled, shares, weight_of_position
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
    """Of what maps say, next to what sites say."""
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
        [_squares(ground, index, each, left[index], belief) for each in of_report]
        for index, of_report in enumerate(opinions)
    ]
    most = max(sum(part.mass.shape[1] for part in of_report) for of_report in parts)
    centre, side, (added, middle) = _stacked(parts, most)
    centre, side = torch.cat([own.centre, centre], dim=1), torch.cat([own.side, side], dim=1)
    seen = middle.sum(1, keepdim=True) > left.sum(1, keepdim=True)
    likelier = torch.cat([torch.where(seen, 0.0, left), middle], dim=1)
    median = CellMasses(centre, side, likelier / likelier.sum(1, keepdim=True)).median()
    masses = CellMasses(centre, side, torch.cat([left, added], dim=1))
    return GroundMasses(ground.origin, masses, ground.origin + median.numpy())


@dataclass(frozen=True)
class Squares:
    """Those of one window, about a report's origin."""

    centre: Float[torch.Tensor, "square 2"]
    side: float
    mass: Float[torch.Tensor, "2 square"]
    """Of the posterior, and of what names a position."""


def _squares(
    ground: GroundMasses, index: int, opinions: Opinions, left: Float[torch.Tensor, " cell"], belief: Belief
) -> Squares:
    """The squares of a window with the mass that the first stage has in it, which is taken off what is `left` of it."""
    squares = opinions.look.squares
    inside = torch.from_numpy(squares.contains(ground.masses.centre[index].numpy() + ground.origin[index]))
    held = float(left[inside].sum())
    left[inside] = 0
    density, middle = (
        pooled(opinions.sites, opinions.maps, weight)
        for weight in (belief.weight, weight_of_position(belief.weight))
    )
    doubted = (1 - belief.wrong) * density + belief.wrong * opinions.sites
    mass = held * torch.stack([doubted, middle]).flatten(1).float()
    centre = torch.from_numpy(squares.centres - ground.origin[index]).float()
    return Squares(centre, squares.resolution, mass)


def _stacked(
    parts: Sequence[Sequence[Squares]], most: int
) -> tuple[
    Float[torch.Tensor, "report square 2"],
    Float[torch.Tensor, "report square"],
    Float[torch.Tensor, "2 report square"],
]:
    """Centres, sides and masses of all reports' squares, filled up with squares without mass."""
    centre, side = torch.zeros(len(parts), most, 2), torch.ones(len(parts), most)
    mass = torch.zeros(2, len(parts), most)
    for report, of_report in enumerate(parts):
        start = 0
        for part in of_report:
            own = slice(start, start := start + len(part.centre))
            centre[report, own], side[report, own], mass[:, report, own] = part.centre, part.side, part.mass
    return centre, side, mass
