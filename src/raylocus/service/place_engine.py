"""Traced places behind the service: opened when first asked for, encoded once, let go when memory runs short."""

from __future__ import annotations

import gc
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from jaxtyping import Int

from raylocus.errors import PlaceError
from raylocus.inference.fix import Fix
from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import TrainedNetwork
from raylocus.network.formats.cell_resolution import Known
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.scenes.place import Place
from raylocus.service.answers import Answer, HeardCell, Refusal, Why
from raylocus.service.asked_reports import AskedReports, asked_reports
from raylocus.service.choices import Choice, choices_of
from raylocus.service.known_cells import FoundCells, found_cells, located_reports
from raylocus.service.questions import Question


@dataclass(frozen=True)
class _OpenPlace:
    """A place with a locator of its own, so that both go together."""

    place: TracedPlace
    locator: Locator


@dataclass(frozen=True)
class PlaceEngine:
    """Locates phones in any number of traced places with one trained network."""

    places: tuple[Place, ...]
    """What is known of each without its maps."""
    trained: TrainedNetwork
    memory: float
    """Resident memory of the process [bytes] over which the places not asked for longest are let go."""
    _open: OrderedDict[int, _OpenPlace] = field(default_factory=OrderedDict, repr=False)

    @classmethod
    def load(cls, folders: Sequence[Path], checkpoint: Path, memory: float) -> PlaceEngine:
        """An engine over place folders.

        Raises:
            PlaceError: a folder is no place, has no latitude and longitude, or two places have one name.
            CheckpointError: the checkpoint cannot be read.
        """
        places = tuple(open_place(folder) for folder in folders)
        for place in places:
            if not place.frame.georeferenced:
                raise PlaceError(
                    f"{place.folder} has no latitude and longitude, in which the service answers; serve a place that "
                    "was built from a map"
                )
        names = [place.name for place in places]
        if len(set(names)) < len(names):
            raise PlaceError(f"two places are called {max(names, key=names.count)}; rename one's folder")
        return cls(places, Locator.load(checkpoint).trained, memory)

    @property
    def areas(self) -> tuple[str, ...]:
        """Names of the places."""
        return tuple(place.name for place in self.places)

    @property
    def open_areas(self) -> int:
        """Places whose maps are in memory."""
        return len(self._open)

    def warm(self) -> None:
        """Opens and encodes the first place."""
        found = self._opened(0)
        found.locator.fixes(asked_reports([]).reports, found.place)

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        """One answer a question; those of one place are located together."""
        asked = asked_reports(questions)
        found = [found_cells(asked, place.deployment) for place in self.places]
        choices = choices_of(asked, found, [len(np.unique(place.deployment.pcis)) for place in self.places])
        answers: dict[int, Answer | Refusal] = {
            number: Refusal(choice, questions[number].last.cells)
            for number, choice in enumerate(choices)
            if isinstance(choice, Why)
        }
        chosen = {number: choice for number, choice in enumerate(choices) if isinstance(choice, Choice)}
        for place in sorted({choice.area for choice in chosen.values()}):
            own = [number for number, choice in chosen.items() if choice.area == place]
            fixes = self._fixes(asked, found[place], np.array(own), place)
            for number, fix in zip(own, fixes, strict=True):
                cells = self._heard(asked, found[place], number, place, questions[number], fix)
                answers[number] = Answer(
                    fix, self.places[place].name, cells, doubtful=chosen[number].doubtful
                )
        return [answers[number] for number in range(len(questions))]

    def _fixes(
        self, asked: AskedReports, found: FoundCells, own: Int[np.ndarray, " question"], place: int
    ) -> list[Fix]:
        """Fixes of some of the questions, whose cells are found in a place."""
        opened = self._opened(place)
        reports = located_reports(asked, found, own, opened.place.deployment)
        return opened.locator.fixes(reports, opened.place)

    def _heard(
        self, asked: AskedReports, found: FoundCells, number: int, place: int, question: Question, fix: Fix
    ) -> tuple[HeardCell, ...]:
        """The cells of a question's last report."""
        opened = self._opened(place)
        deployment, levels = opened.place.deployment, opened.place.radio_maps["rsrp"].values
        start, stop = asked.reports.token_offsets[asked.reports.last_report[number] :][:2]
        tokens = np.arange(start, stop)[asked.reports.beam[start:stop] < 0]
        row, column = np.divmod(max(int(opened.place.tile.index(fix.position)), 0), opened.place.tile.count)
        heard = []
        for token, measured in zip(tokens.tolist(), question.last.cells, strict=True):
            cell = int(found.cell[token])
            if cell < 0:
                heard.append(HeardCell(measured, Known.UNKNOWN))
                continue
            x, y, _ = deployment.sites[deployment.cells[cell].site].position
            level = float(levels[cell, row, column])
            mapped = None if math.isnan(level) else level
            heard.append(HeardCell(measured, Known(int(found.known[token])), (x, y), mapped))
        return tuple(heard)

    def _opened(self, number: int) -> _OpenPlace:
        """A place with its maps; others are let go while memory is short."""
        if number not in self._open:
            place = open_place(self.places[number].folder)
            self._open[number] = _OpenPlace(place, Locator(self.trained))
        self._open.move_to_end(number)
        while len(self._open) > 1 and psutil.Process().memory_info().rss > self.memory:
            self._open.popitem(last=False)
            gc.collect()
        return self._open[number]
