"""A field as cells of ground with masses: coarse ones everywhere, fine ones where the mass is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.models.regions import Regions

#: Half of the square's side that is looked at, in scales, and coarse cells along its side.
HALF, COARSE = 6.0, 24
#: Of the cells of each round so many are divided, each into `PARTS` × `PARTS`.
DIVIDED, PARTS = (48, 64), 4
#: Steps of Weiszfeld's iteration at most, and the step, in sides of the smallest cell, that ends it.
MEDIAN_STEPS, MEDIAN_TOLERANCE = 40, 1e-3


@dataclass(frozen=True)
class CellMasses:
    """A density of each report: cells that do not overlap, in the report's frame."""

    centre: Float[Tensor, "report cell 2"]
    side: Float[Tensor, "report cell"]
    mass: Float[Tensor, "report cell"]
    """Sums to 1."""
    blocks: tuple[tuple[int, int], ...] = ()
    """Squares of k × k cells, x before y, that follow each other: k, and how many; left out, single cells."""

    @cached_property
    def runs(self) -> tuple[tuple[int, slice], ...]:
        """Kinds of `blocks`, those of one kind that follow each other together, and their cells."""
        found, first = list[tuple[int, slice]](), 0
        for along, group in groupby(self.blocks or ((1, self.mass.shape[1]),), key=lambda block: block[0]):
            last = first + along**2 * sum(count for _, count in group)
            found.append((along, slice(first, last)))
            first = last
        return tuple(found)

    def median(self) -> Float[Tensor, "report 2"]:
        """The point of least expected distance."""
        own, tolerance = (0.3 * self.side).square(), MEDIAN_TOLERANCE * float(self.side.min())
        x, y = (each.contiguous() for each in self.centre.unbind(-1))
        around = torch.cat([self.centre, torch.ones_like(self.centre[..., :1])], -1)
        point = (self.mass[:, None] @ self.centre)[:, 0]
        for _ in range(MEDIAN_STEPS):
            square = (x - point[:, :1]).square() + (y - point[:, 1:]).square() + own
            *moments, pull = ((self.mass * square.rsqrt())[:, None] @ around)[:, 0].unbind(-1)
            before, point = point, torch.stack(moments, -1) / pull[:, None]
            if float((point - before).abs().max()) <= tolerance:
                break
        return point

    def covariance(self) -> Float[Tensor, "report 2 2"]:
        """Second moments about the mean, the cells' own extent included."""
        mean = (self.mass[..., None] * self.centre).sum(1, keepdim=True)
        step = self.centre - mean
        own = (self.mass * self.side.square()).sum(1)[:, None, None] / 12 * torch.eye(2)
        return torch.einsum("rc,rci,rcj->rij", self.mass, step, step) + own

    def radius(self, point: Float[Tensor, "report 2"], mass: float) -> Float[Tensor, " report"]:
        """Radius about a point that holds some mass."""
        distance = (self.centre - point[:, None]).square().sum(-1).sqrt()
        order = distance.argsort(dim=1, stable=True)
        held = self.mass.gather(1, order).cumsum(1)
        index = (held < mass).sum(1, keepdim=True).clamp(max=held.shape[1] - 1)
        return distance.gather(1, order).gather(1, index)[:, 0]

    def restated(self, regions: Regions) -> CellMasses:
        """Masses whose regions hold what they say."""
        mass = regions.restated(self.mass, self.mass / self.side.square())
        return replace(self, mass=mass)

    def at(self, points: Float[Tensor, "report 2"]) -> tuple[Float[Tensor, " report"], ...]:
        """At a point of each report: density, mass of denser cells, and mass of cells as dense, the point's included.

        Outside of all cells the density is 0 and every cell is denser.
        """
        density = self.mass / self.side.square()
        inside = ((self.centre - points[:, None]).abs() <= self.side[..., None] / 2).all(-1)
        here = (density * inside).amax(1)
        denser = (self.mass * (density > here[:, None])).sum(1)
        return here, denser, (self.mass * (density == here[:, None])).sum(1)


@runtime_checkable
class Densities(Protocol):
    """Densities of a batch of reports."""

    def __len__(self) -> int:
        """Number of reports."""

    def log_density(self, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
        """Unnormalised log density at points in each report's frame."""


def _middles(along: int) -> Float[Tensor, "cell 2"]:
    """Of along² cells of the square of side 1 about 0, x before y."""
    axis = (torch.arange(along) + 0.5) / along - 0.5
    return torch.cartesian_prod(axis, axis)


#: Of the square that is looked at, and of one that is divided, as parts of their sides.
_WHOLE, _DIVIDED = _middles(COARSE), _middles(PARTS)


def cell_masses(field: Densities, temperature: float = 1.0) -> CellMasses:
    """The masses of densities over the square about each report's centre.

    Args:
        field: the densities.
        temperature: by which the log density is divided; above 1 the answer is wider.
    """
    side = 2 * HALF / COARSE
    centre = (_WHOLE * (2 * HALF)).expand(len(field), -1, 2)
    log_mass = field.log_density(centre) / temperature + 2 * math.log(side)
    centres = []
    sides = []
    masses = []
    for count in DIVIDED:
        top = log_mass.topk(count, dim=1).indices
        centres.append(centre)
        sides.append(torch.full_like(log_mass, side))
        masses.append(log_mass.scatter(1, top, -torch.inf))
        chosen = centre.gather(1, top[..., None].expand(-1, -1, 2))
        centre = (chosen[:, :, None] + _DIVIDED * side).flatten(1, 2)
        side = side / PARTS
        log_mass = field.log_density(centre) / temperature + 2 * math.log(side)
    sides.append(torch.full_like(log_mass, side))
    mass = torch.cat([*masses, log_mass], dim=1).softmax(1)
    blocks = ((COARSE, 1), *((PARTS, count) for count in DIVIDED))
    return CellMasses(torch.cat([*centres, centre], dim=1), torch.cat(sides, dim=1), mass, blocks)
