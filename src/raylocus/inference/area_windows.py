"""First where in the area, then through the traced windows about the candidates, and one posterior of both.

The first stage is right about how sure it is; the second is sharper where its maps fit. A window's mass stays what the
first stage gives it. Inside, the second stage's density takes the place of the first's as far as the two agree: by the
share of it that lies in the first stage's 95 % region. Where maps do not fit the answer leans on the first stage, and a
window that is not looked at keeps its mass, so that a wrong first look can be recovered from.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.locator import KEPT_PLACES
from raylocus.models.area.cells import CellMasses
from raylocus.models.area.ground_masses import GroundMasses, Located
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment

#: Windows that are looked at for a report, and the mass below which none is.
WINDOWS, LEAST_MASS = 3, 0.05
#: Windows lie in steps of this part of their side, so that reports share them.
STEPS = 2
#: Windows that stay open, the most recently used ones: as many as the second stage keeps encoded.
KEPT_WINDOWS = KEPT_PLACES
#: Squares along the side of a window that its density is kept in.
SQUARES = 64
#: Region of the first stage that the second is compared with.
REGION = 0.95


@runtime_checkable
class TracedGround(Protocol):
    """An area of which windows can be read."""

    @property
    def deployment(self) -> Deployment:
        """Its sites and cells."""

    def window_at(self, point: tuple[float, float], size: float) -> Grid:
        """A window about a point."""

    def window(self, grid: Grid) -> MappedPlace:
        """That square as a place, in a frame centred on it."""


@runtime_checkable
class PlaceLocator(Protocol):
    """What locates on the maps of a place."""

    def posterior(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Densities on the grid of the place."""


@dataclass(frozen=True)
class WindowLocator:
    """Locates in an area with traced tiles."""

    first: AreaLocator
    second: PlaceLocator
    area: TracedGround
    side: float
    """Side of a window [m]: that of the places the second stage was trained on."""
    name: str = "raylocus area, windows"
    _opened: OrderedDict[Grid, MappedPlace] = field(default_factory=OrderedDict, repr=False)

    def located(self, reports: Reports, deployment: Deployment) -> Iterator[Located]:
        """Posteriors of the sequences whose last report names a cell of the deployment, a few at a time."""
        for some in self.first.located(reports, deployment):
            parts: list[list[CellMasses]] = [[] for _ in some.sequence]
            shares = [torch.ones_like(mass) for mass in some.ground.masses.mass]
            for grid, members in self._windows(some.ground).items():
                place = self._window(grid)
                known = [
                    index for index in members if _names(reports, int(some.sequence[index]), place.deployment)
                ]
                if not known:
                    continue
                found = self._densities(reports, some.sequence[known], place)
                for index, density in zip(known, found, strict=True):
                    parts[index].append(_replaced(some.ground, index, grid, density, shares[index]))
            yield Located(some.sequence, _joined(some.ground, shares, parts))

    def _window(self, grid: Grid) -> MappedPlace:
        """A window, kept: the second stage encodes each place that it is given once."""
        if grid not in self._opened:
            self._opened[grid] = self.area.window(grid)
        self._opened.move_to_end(grid)
        while len(self._opened) > KEPT_WINDOWS:
            self._opened.popitem(last=False)
        return self._opened[grid]

    def _windows(self, ground: GroundMasses) -> dict[Grid, list[int]]:
        """The windows that are looked at, and for which of the reports."""
        wanted: dict[Grid, list[int]] = defaultdict(list)
        for index in range(len(ground.median)):
            for centre in candidate_centres(ground, index, self.side):
                grid = self.area.window_at(centre, self.side)
                if index not in wanted[grid]:
                    wanted[grid].append(index)
        return wanted

    def _densities(
        self, reports: Reports, sequences: Int[np.ndarray, " some"], place: MappedPlace
    ) -> Float[np.ndarray, "some squares_y squares_x"]:
        """The second stage's densities in a window."""
        density = self.second.posterior(reports.select(sequences), place).density.astype(float)
        fine = density.shape[-1]
        block = fine // SQUARES if fine % SQUARES == 0 else 1
        count = fine // block
        return density.reshape(len(density), count, block, count, block).sum((2, 4))


def _names(reports: Reports, sequence: int, deployment: Deployment) -> bool:
    """Whether a sequence names a cell that is heard in a window."""
    return bool(deployment.candidates(reports.select(np.array([sequence]))).known.any())


def candidate_centres(ground: GroundMasses, index: int, side: float) -> list[tuple[float, float]]:
    """Centres of up to `WINDOWS` windows of a side [m] that hold most of a report's mass, the fullest first."""
    pitch = side / STEPS
    point = ground.masses.centre[index].numpy() + ground.origin[index]
    mass = ground.masses.mass[index].numpy().astype(float)
    step = np.floor(point / pitch).astype(np.int64)
    lowest = step.min(axis=0)
    raster = np.zeros(np.ptp(step, axis=0) + 1 + 2 * STEPS)
    np.add.at(raster, tuple((step - lowest + STEPS).T), mass)
    centres = []
    for _ in range(WINDOWS):
        held = np.lib.stride_tricks.sliding_window_view(raster, (STEPS, STEPS)).sum((2, 3))
        corner = np.unravel_index(int(held.argmax()), held.shape)
        if held[corner] < LEAST_MASS:
            break
        raster[tuple(slice(start, start + STEPS) for start in corner)] = 0
        x, y = (np.array(corner) - STEPS + lowest) * pitch + side / 2
        centres.append((float(x), float(y)))
    return centres


def agreement(first: Float[np.ndarray, "y x"], second: Float[np.ndarray, "y x"]) -> float:
    """Share of the second density that lies in the first one's region of mass `REGION`, both over one window."""
    order = np.argsort(-first, axis=None, kind="stable")
    held = np.cumsum(first.ravel()[order])
    inside = order[: int(np.searchsorted(held, REGION * held[-1])) + 1]
    return float(second.ravel()[inside].sum() / max(second.sum(), 1e-30))


def _replaced(
    ground: GroundMasses, index: int, grid: Grid, density: Float[np.ndarray, "y x"], share: torch.Tensor
) -> CellMasses:
    """The squares of a window's second stage; what the first stage keeps of its own is written to `share`."""
    squares = Grid(grid.size, grid.size / len(density), grid.centre)
    first = ground.raster(index, squares)
    trust = agreement(first, density)
    centre = ground.masses.centre[index].numpy() + ground.origin[index]
    inside = torch.from_numpy(grid.contains(centre)) & (share == 1)
    held = float((ground.masses.mass[index] * inside).sum())
    share[inside] = 1 - trust
    at = torch.from_numpy(squares.centres - ground.origin[index]).float()
    mass = torch.from_numpy(held * trust * density.ravel() / max(density.sum(), 1e-30)).float()
    return CellMasses(at[None], torch.full((1, len(at)), squares.resolution), mass[None])


def _joined(ground: GroundMasses, shares: list[torch.Tensor], parts: list[list[CellMasses]]) -> GroundMasses:
    """First and second stage as one; reports have as many squares as the longest, of the others some without mass."""
    most = max(sum(part.mass.shape[1] for part in of_report) for of_report in parts)
    centre, side, mass = zip(*(_padded(of_report, most) for of_report in parts), strict=True)
    own = ground.masses
    masses = torch.cat([own.mass * torch.stack(shares), torch.cat(mass)], dim=1)
    joined = CellMasses(
        torch.cat([own.centre, torch.cat(centre)], dim=1),
        torch.cat([own.side, torch.cat(side)], dim=1),
        masses / masses.sum(1, keepdim=True),
    )
    return GroundMasses(ground.origin, joined, ground.origin + joined.median().numpy())


def _padded(parts: list[CellMasses], most: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centres, sides and masses of one report's squares, filled up with squares without mass."""
    missing = most - sum(part.mass.shape[1] for part in parts)
    fill = CellMasses(torch.zeros(1, missing, 2), torch.ones(1, missing), torch.zeros(1, missing))
    every = [*parts, fill]
    columns = ([part.centre for part in every], [part.side for part in every], [part.mass for part in every])
    centre, side, mass = (torch.cat(column, dim=1) for column in columns)
    return centre, side, mass
