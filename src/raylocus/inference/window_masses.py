"""One posterior of two stages: masses over an area's ground, and what maps say in windows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from raylocus.geo import Grid
from raylocus.inference.opinions import pooled_densities, shares
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses


@dataclass(frozen=True)
class Look:
    """What the second stage says of one report in one window."""

    grid: Grid
    outdoors: Float[np.ndarray, "squares_y squares_x"]
    """Share of phones in each square before they have reported anything."""
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
        # Sites know nothing of walls; phones that maps say are outdoors are outdoors for both.
        sites, maps = ground.raster(index, look.squares) * look.outdoors, look.density
        return cls(look, *(shares(torch.from_numpy(each).double()) for each in (sites, maps)))


@dataclass(frozen=True)
class Belief:
    """How far maps are believed."""

    weight: float
    """Of what maps say, next to what sites say."""
    wrong: float
    """Probability that they are surely wrong, and sites are right alone."""
    sharpness: float
    """Power of the pool of both, see `opinions.sharpness_of`."""


def joined(ground: GroundMasses, opinions: Sequence[Sequence[Opinions]], belief: Belief) -> GroundMasses:
    """First and second stage as one; reports have as many squares as the longest, of the others some without mass.

    They are one pool of the whole ground. Of how much is in a window, and of ground that was not looked at, maps say
    what sites say. Ground where both agree gains by that, and far ground loses, where little is said of much ground.

    Args:
        ground: the first stage's posteriors.
        opinions: both stages' of each report, the fullest window first.
        belief: what all reports say of the maps.
    """
    reports = [Squares.of(ground, index, each) for index, each in enumerate(opinions)]
    centre, side, mass = (
        _stacked([each.centre for each in reports], 0.0),
        _stacked([each.side for each in reports], 1.0),
        _stacked([_masses(each, belief) for each in reports], 0.0),
    )
    middle = CellMasses(centre, side, mass[..., 1]).median()
    masses = CellMasses(centre, side, mass[..., 0])
    return GroundMasses(ground.origin, masses, ground.origin + middle.numpy())


@dataclass(frozen=True)
class Squares:
    """Those of one report, about its origin: of the first stage, and of the windows."""

    centre: Float[torch.Tensor, "square 2"]
    side: Float[torch.Tensor, " square"]
    sites: Float[torch.Tensor, " square"]
    maps: Float[torch.Tensor, " square"]
    """Masses by either; those of squares that a window covers are 0."""

    @classmethod
    def of(cls, ground: GroundMasses, index: int, opinions: Sequence[Opinions]) -> Squares:
        """Those of a report of the first stage, and of its windows."""
        own, origin = ground.masses, ground.origin[index]
        left = own.mass[index].clone()
        parts = []
        for number, each in enumerate(opinions):
            squares = each.look.squares
            free = torch.ones(squares.shape)
            for other in opinions[:number]:
                free[torch.from_numpy(other.look.grid.contains(squares.centres)).reshape(free.shape)] = 0
            inside = torch.from_numpy(squares.contains(own.centre[index].numpy() + origin))
            sites, maps = (left[inside].sum() * shares(one * free) for one in (each.sites, each.maps))
            left[inside] = 0
            parts.append((squares, sites.flatten().float(), maps.flatten().float()))
        centre = [torch.from_numpy(squares.centres - origin).float() for squares, _, _ in parts]
        side = [torch.full((len(sites),), squares.resolution) for squares, sites, _ in parts]
        return cls(
            torch.cat([own.centre[index], *centre]),
            torch.cat([own.side[index], *side]),
            torch.cat([left, *(sites for _, sites, _ in parts)]),
            torch.cat([left, *(maps for _, _, maps in parts)]),
        )


def _masses(squares: Squares, belief: Belief) -> Float[torch.Tensor, "square 2"]:
    """Of the posterior, and of what names a position."""
    sites, maps, area = (each.double()[None] for each in (squares.sites, squares.maps, squares.side.square()))
    density, middle = (
        each[0] for each in pooled_densities(sites, maps, belief.weight, area, belief.sharpness)
    )
    return torch.stack([(1 - belief.wrong) * density + belief.wrong * sites[0], middle], 1).float()


def _stacked(parts: Sequence[torch.Tensor], filled: float) -> Float[torch.Tensor, "report square *column"]:
    """Rows of all reports, filled up."""
    return torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True, padding_value=filled)
