"""First where in the area, then through the traced windows about the candidates, and one posterior of both.

The first stage is right about how sure it is; the second is sharper where its maps fit. Both opinions are pooled over
the whole ground (`inference/opinions.py`), as far as the maps are believed, which all reports judge together, each in
its fullest window. Of ground that is not looked at maps say what sites say: a wrong first look can be recovered from.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int

from raylocus.geo import Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.locator import KEPT_PLACES
from raylocus.inference.opinions import sharpness_of, surprise, weight_of_maps
from raylocus.inference.window_choice import chosen_windows
from raylocus.inference.window_masses import Belief, Look, Opinions, joined
from raylocus.models.area.ground_masses import Located
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.map_encoder import EncodedPlace
from raylocus.models.misfit import Judgement
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import tokens_of
from raylocus.scenes.sites import Deployment

#: Batches of the first stage that are looked at together: they share windows, and judge the maps.
TOGETHER = 32
#: Windows that stay open, the most recently used ones: as many as the second stage keeps encoded.
KEPT_WINDOWS = KEPT_PLACES
#: Squares along the side of a window that its density is kept in.
SQUARES = 64


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

    @property
    def trained(self) -> TrainedNetwork:
        """What its calibration says of sharper answers where maps fit, see `opinions.sharpness_of`."""

    def on_maps(self, reports: Reports, place: MappedPlace) -> tuple[torch.Tensor, torch.Tensor]:
        """Densities on the grid of the place, and statistics of how well maps and reports fit."""

    def encoded(self, place: MappedPlace) -> EncodedPlace:
        """What is kept of the place, and where phones are before they have reported anything."""

    def judge(self, statistics: torch.Tensor) -> Judgement:
        """What is thought of the maps by the statistics of reports."""


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
        found = self.first.located(reports, deployment)
        while some := list(islice(found, TOGETHER)):
            yield from self._sharpened(reports, some)

    def _sharpened(self, reports: Reports, some: Sequence[Located]) -> Iterator[Located]:
        """Posteriors of the first stage, and what the windows' maps say in them."""
        opinions = self.opinions(reports, some)
        fullest = [own[0] for of_batch in opinions for own in of_batch if own]
        fit, belief = self._judged(fullest)
        for located, of_batch in zip(some, opinions, strict=True):
            yield replace(located, ground=joined(located.ground, of_batch, belief), fit=fit)

    def _judged(self, fullest: Sequence[Opinions]) -> tuple[float, Belief]:
        """Fit of the maps, and how far they are believed, by each report in its fullest window."""
        if not fullest:
            return 1.0, Belief(0.0, 1.0, 1.0)
        judgement = self.second.judge(torch.stack([each.look.statistics for each in fullest]))
        surprises = torch.stack([surprise(each.sites, each.maps) for each in fullest]).numpy()
        sharpening = self.second.trained.calibration.sharpening
        # No wider where they fit badly: over ground without end a small power would be mass at its ends.
        sharpness = max(sharpness_of(judgement.score, len(fullest), sharpening), 1.0)
        return judgement.fit, Belief(weight_of_maps(judgement.score, surprises), judgement.wrong, sharpness)

    def opinions(self, reports: Reports, some: Sequence[Located]) -> list[list[list[Opinions]]]:
        """What both stages say of each report in its windows, the fullest first; one list for each of the batches.

        Args:
            reports: those that were located.
            some: batches of posteriors of the first stage.
        """
        looks = self._looks(reports, some)
        return [
            [
                [Opinions.of(located.ground, index, look) for look in looks.get(sequence, [])]
                for index, sequence in enumerate(located.sequence.tolist())
            ]
            for located in some
        ]

    def _looks(self, reports: Reports, some: Sequence[Located]) -> dict[int, list[Look]]:
        """Of each sequence the windows that were looked at, the fullest first; none whose cells no report names."""
        found: dict[int, dict[Grid, Look]] = defaultdict(dict)
        wanted = self._windows(some)
        # Open windows first: asked for in turn, one more than stay open would open all of them again each time.
        for grid, members in sorted(_by_window(wanted).items(), key=lambda each: each[0] not in self._opened):
            for sequence, look in self._seen(reports, np.array(members), grid):
                found[sequence][grid] = look
        return {
            sequence: [own[grid] for grid in wanted[sequence] if grid in own]
            for sequence, own in found.items()
        }

    def _window(self, grid: Grid) -> MappedPlace:
        """A window, kept: the second stage encodes each place that it is given once."""
        if grid not in self._opened:
            self._opened[grid] = self.area.window(grid)
        self._opened.move_to_end(grid)
        while len(self._opened) > KEPT_WINDOWS:
            self._opened.popitem(last=False)
        return self._opened[grid]

    def _windows(self, some: Sequence[Located]) -> dict[int, list[Grid]]:
        """The windows to look at of each sequence, the fullest first."""
        grounds = {
            sequence: (located.ground, index)
            for located in some
            for index, sequence in enumerate(located.sequence.tolist())
        }
        return {
            sequence: list(dict.fromkeys(self.area.window_at(centre, self.side) for centre in centres))
            for sequence, centres in chosen_windows(grounds, self.side).items()
        }

    def _seen(
        self, reports: Reports, sequences: Int[np.ndarray, " some"], grid: Grid
    ) -> Iterator[tuple[int, Look]]:
        """What the maps of a window say of those of some sequences that name a cell which is heard in it."""
        place = self._window(grid)
        known = tokens_of(reports.select(sequences), place.deployment)
        if known.hears.any():
            heard = known.reports.select(np.flatnonzero(known.hears))
            density, statistics = self.second.on_maps(heard, place)
            outdoors, *blocks = _in_squares(torch.cat([self.second.encoded(place).outdoors, density])).numpy()
            for sequence, block, found in zip(
                sequences[known.hears].tolist(), blocks, statistics, strict=True
            ):
                yield sequence, Look(grid, outdoors, block, found)


def _in_squares(density: Float[torch.Tensor, "some y x"]) -> Float[torch.Tensor, "some squares squares"]:
    """`SQUARES` along a side where that goes up."""
    count = SQUARES if density.shape[-1] % SQUARES == 0 else density.shape[-1]
    block = density.shape[-1] // count
    return density.double().reshape(-1, count, block, count, block).sum((2, 4))


def _by_window(wanted: dict[int, list[Grid]]) -> dict[Grid, list[int]]:
    """The sequences that look at each window."""
    members: dict[Grid, list[int]] = defaultdict(list)
    for sequence, grids in wanted.items():
        for grid in grids:
            members[grid].append(sequence)
    return members
