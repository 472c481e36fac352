"""Posteriors over the ground of an area: squares of any size with masses [m], for several reports at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.geo import Extent, Grid
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.tokens import AreaTokens
from raylocus.network.field.heard import HeardNetwork

#: Cells along the side of the window that a posterior is drawn on, and the mass that the window holds at least.
WINDOW, WINDOW_MASS = 64, 0.998
#: Smallest side of a window's cells [m].
FINEST = 1.0
#: Reports that are drawn on one grid at once: few enough for the processor's cache.
RASTERS = 8
#: Mass of a grid's cell below which a square that it lies in adds nothing to it.
NOTHING = 1e-11


@dataclass(frozen=True)
class GroundMasses:
    """Where the UEs of reports are."""

    origin: Float[np.ndarray, "report 2"]
    """Point of the area's frame that each report's squares are about [m]."""
    masses: CellMasses
    """The squares [m]."""
    named: Float[np.ndarray, "report 2"] | None = None
    """Estimates in the area's frame, where they are not the medians [m]."""

    @cached_property
    def median(self) -> Float[np.ndarray, "report 2"]:
        """The point of least expected distance, in the area's frame [m]."""
        return self.origin + self.masses.median().numpy() if self.named is None else self.named

    def covariance(self) -> Float[np.ndarray, "report 2 2"]:
        """Covariances [m²]."""
        return self.masses.covariance().numpy().astype(float)

    def select(self, reports: Int[np.ndarray, " selected"]) -> GroundMasses:
        """Some of the reports."""
        own = self.masses
        masses = CellMasses(own.centre[reports], own.side[reports], own.mass[reports], own.blocks)
        named = None if self.named is None else self.named[reports]
        return GroundMasses(self.origin[reports], masses, named)

    def window(self, report: int) -> Grid:
        """A square of `WINDOW`² cells about a report's median that holds nearly all of its mass."""
        return self.square(self.median[report], np.array([report]), WINDOW)

    def square(self, middle: Float[np.ndarray, "2"], reports: Int[np.ndarray, " held"], count: int) -> Grid:
        """A square of count² cells about a point that holds nearly all of the mass of some reports."""
        resolution = max(2 * self._reach(reports, middle) / count, FINEST)
        x, y = middle.tolist()
        return Grid(count * resolution, resolution, (x, y))

    def _reach(self, reports: Int[np.ndarray, " held"], point: Float[np.ndarray, "2"]) -> float:
        """Half of the side of the square about a point that holds `WINDOW_MASS` of each of some reports."""
        own = self.masses
        away = abs(own.centre[reports].numpy() - (point - self.origin[reports])[:, None])
        # Axis by axis: reductions over an axis of two are many times slower.
        reach = np.maximum(away[..., 0], away[..., 1]) + own.side[reports].numpy() / 2
        order = _ascending(reach)
        held = np.take_along_axis(own.mass[reports].numpy(), order, 1).cumsum(1)
        last = (held < WINDOW_MASS).sum(1, keepdims=True).clip(max=reach.shape[1] - 1)
        return float(np.take_along_axis(reach, np.take_along_axis(order, last, 1), 1).max())

    def within(self, extent: Extent, outside: float) -> GroundMasses:
        """The same for phones that are rarely outside of an extent: what lies there weighs less by a factor."""
        centre = self.masses.centre.double() + torch.from_numpy(self.origin)[:, None]
        inside = torch.from_numpy(extent.contains(centre.numpy()))
        mass = self.masses.mass * torch.where(inside, 1.0, outside)
        return GroundMasses(self.origin, replace(self.masses, mass=mass / mass.sum(1, keepdim=True)))

    def raster(self, report: int, grid: Grid) -> Float[np.ndarray, "y x"]:
        """Mass of each cell of a grid; what lies outside of it is left out."""
        return self.rasters(np.array([report]), grid)[0].astype(float)

    def rasters(self, reports: Int[np.ndarray, " some"], grid: Grid) -> Float[np.ndarray, "some y x"]:
        """The same of several reports, in single precision."""
        parts = [
            self._rasters(reports[first : first + RASTERS], grid) for first in range(0, len(reports), RASTERS)
        ]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _rasters(self, reports: Int[np.ndarray, " some"], grid: Grid) -> Float[np.ndarray, "some y x"]:
        own, index = self.masses, torch.from_numpy(reports)
        away = torch.from_numpy(self.origin[reports] - np.array(grid.centre))
        centre = (own.centre[index] + away[:, None]).float()
        side = own.side[index]
        density = own.mass[index] / side.square()
        edges = torch.from_numpy(
            (np.arange(grid.count + 1) * grid.resolution - grid.size / 2).astype(np.float32)
        )
        parts = [
            _crossed(along, centre[:, cells], side[:, cells], density[:, cells], edges, grid.resolution)
            for along, cells in own.runs
        ]
        mass: np.ndarray = sum(parts[1:], parts[0]).numpy()
        return mass


def _ascending(values: Float[np.ndarray, "row value"]) -> Int[np.ndarray, "row value"]:
    """Order of each row's positive values, equals as they stand; stable sorts take ten times as long."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    return np.sort(bits << 32 | np.arange(values.shape[1]), axis=1) & 0xFFFFFFFF


def _crossed(
    along: int, centre: Float[Tensor, "report cell 2"], side: Float[Tensor, "report cell"],
    density: Float[Tensor, "report cell"], edges: Float[Tensor, " edge"], resolution: float,
) -> Float[Tensor, "report y x"]:  # fmt: skip
    """Mass in each cell of a grid of squares of along² cells: what their columns and rows share with the grid's."""
    # x before y.
    blocks, points = (each.unflatten(1, (-1, along, along)) for each in (density, centre))
    half, reach = side[:, :: along**2] / 2, edges[-1] + side[:, :: along**2] / 2
    lines = torch.stack([points[:, :, :, 0, 0], points[:, :, 0, :, 1]])
    near = (lines.abs().amin(-1) < reach).all(0) & (blocks.amax((2, 3)) * resolution**2 > NOTHING)
    some = near.any(0).nonzero()[:, 0]
    lines, half = lines.index_select(2, some)[..., None], half.index_select(1, some)[..., None, None]
    # How far into each line of cells the grid's lines lie.
    columns, rows = torch.minimum(torch.maximum(edges - lines, -half), half).diff(dim=-1)
    by_row = blocks.index_select(1, some).mT @ columns
    return rows.flatten(1, 2).mT @ by_row.flatten(1, 2)


@dataclass(frozen=True)
class Located:
    """The posteriors of some sequences at their last reports."""

    sequence: Int[np.ndarray, " report"]
    ground: GroundMasses
    heard: HeardNetwork
    """The likeliest reading of each last report."""
    fit: float = 1.0
    """See `inference.fix.Fix.fit`; 1 where no map was judged."""


def ground_masses(
    masses: CellMasses, tokens: AreaTokens, reading: Int[np.ndarray, "report most"],
    weight: Float[np.ndarray, "report most"],
) -> GroundMasses:  # fmt: skip
    """The posteriors of reports, each the mixture of its readings.

    Args:
        masses: of all readings, in their frames.
        tokens: rows of all readings.
        reading: rows of each report's readings; those without weight may be any.
        weight: weight of each reading; sums to 1.
    """
    scale = torch.from_numpy(tokens.scale).float()
    origin = tokens.centre[reading[:, 0]]
    shift = torch.from_numpy(tokens.centre[reading] - origin[:, None]).float()
    index, share = torch.from_numpy(reading), torch.from_numpy(weight).float()
    centre = masses.centre[index] * scale[index][..., None, None] + shift[:, :, None]
    side = masses.side[index] * scale[index][..., None]
    mass = masses.mass[index] * share[..., None]
    blocks = masses.blocks * reading.shape[1]
    joined = CellMasses(centre.flatten(1, 2), side.flatten(1, 2), mass.flatten(1, 2), blocks)
    return GroundMasses(origin, joined)
