"""Areas behind the service: opened when first asked for, encoded once, let go when memory runs short."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import psutil
from jaxtyping import Int

from raylocus.inference.answering import Answering, Locators, MapAnswers
from raylocus.inference.fix import Fix
from raylocus.inference.opinion_of_sites import Densities
from raylocus.network.formats.cell_resolution import Known
from raylocus.network.reports.reports import Reports
from raylocus.service.answers import Answer, HeardCell, Refusal, Why
from raylocus.service.choices import Choice, choices_of
from raylocus.service.engine import OpinionsOfSites, no_opinions
from raylocus.service.known_cells import FoundCells, found_cells, last_known_reports, located_reports
from raylocus.service.learning import Learning, LearningFolder
from raylocus.service.questions import AskedReports, Question, Submitted, asked_reports
from raylocus.service.served_areas import ServedAreas, served_areas


@dataclass(frozen=True)
class _Opened:
    """An area that is ready to locate in."""

    answering: Answering
    turn: AbstractContextManager[object]
    """Held by the thread that locates; any number may in a place, but windows of an area are opened by one."""
    learning: Learning | None
    """What is known of its levels, where that is learned."""

    @classmethod
    def of(cls, answering: Answering, learning: Learning | None) -> _Opened:
        """Encodes the maps, so that no answer waits for it."""
        answering.separate_fixes(asked_reports([]).reports)
        return cls(answering, nullcontext() if isinstance(answering, MapAnswers) else Lock(), learning)

    def fixes(self, reports: Reports, opinion: Callable[[], Densities | None]) -> list[Fix]:
        """One of each sequence, by levels as they were learned, and what another process says of them without maps."""
        answering = self.answering
        if isinstance(answering, MapAnswers):
            answering = answering.with_opinion(opinion)
        with self.turn:
            return answering.separate_fixes(self._corrected(reports))

    def opinion_of_sites(self, reports: Reports) -> Densities | None:
        """What would be said of each sequence without maps, where there are some."""
        if not isinstance(self.answering, MapAnswers):
            return None
        return self.answering.opinion_of_sites(self._corrected(reports))

    def _corrected(self, reports: Reports) -> Reports:
        return self.learning.corrected(reports) if self.learning else reports


@dataclass(frozen=True)
class AreaEngine(ServedAreas):
    """Locates phones in any number of places and areas."""

    locators: Locators
    memory: float
    """Resident memory of the process [bytes] over which the maps not asked for longest are let go."""
    kept: LearningFolder | None = None
    """Where what is learned is kept; without it nothing is learned."""
    _open: OrderedDict[int, _Opened] = field(default_factory=OrderedDict, repr=False)
    _opening: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def load(
        cls, folders: Sequence[Path], checkpoint: Path | None, memory: float, learn: Path | None = None
    ) -> AreaEngine:
        """An engine over folders of places and areas.

        Args:
            folders: at least one.
            checkpoint: network that locates on maps; without it, what comes with raylocus.
            memory: most resident memory [bytes].
            learn: folder of what is learned of each area.

        Raises:
            InputError: what was learned cannot be read.
            PlaceError: a folder is neither, has no latitude and longitude, or two have one name.
            CheckpointError: the checkpoint cannot be read.
        """
        kept = None if learn is None else LearningFolder(learn)
        engine = cls(served_areas(folders), Locators.of(checkpoint), memory, kept)
        if kept is not None:
            for name in engine.areas:
                kept.check(name)
        return engine

    @property
    def open_areas(self) -> int:
        """Areas that are in memory."""
        return len(self._open)

    def warm(self) -> None:
        """Opens and encodes the first area."""
        self._opened(0)

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        """One answer a question; those of one area are located together."""
        return self.answer_with(questions, no_opinions)

    def opinions_of_sites(self, questions: Sequence[Question]) -> OpinionsOfSites:
        """Of the questions of each place with maps that is open."""
        asked, found, choices = self._chosen(questions)
        opinions = {}
        for area, own in _by_area(choices).items():
            if area in self._open:
                reports = located_reports(asked, found[area], own, self.served[area].deployment)
                opinion = self._open[area].opinion_of_sites(reports)
                if opinion is not None:
                    opinions[area] = opinion
        return opinions

    def answer_with(
        self, questions: Sequence[Question], opinions: Callable[[], OpinionsOfSites]
    ) -> list[Answer | Refusal]:
        """The same as `answer`, for which another process may have worked out `opinions_of_sites`."""
        asked, found, choices = self._chosen(questions)
        answers: dict[int, Answer | Refusal] = {
            number: Refusal(choice, questions[number].last.cells)
            for number, choice in enumerate(choices)
            if isinstance(choice, Why)
        }
        for area, own in _by_area(choices).items():
            reports = located_reports(asked, found[area], own, self.served[area].deployment)
            opened = self._opened(area)
            fixes = opened.fixes(reports, partial(_of_area, opinions, area))
            for number, fix in zip(own.tolist(), fixes, strict=True):
                cells = _heard(asked, found[area], number, opened.answering, questions[number], fix)
                doubtful = choices[number] == Choice(area, doubtful=True)
                answers[number] = Answer(fix, self.areas[area], cells, doubtful=doubtful)
        return [answers[number] for number in range(len(questions))]

    def learn(self, submitted: Sequence[Submitted]) -> None:
        """Learns the levels of the cells of the areas that the reports are surely of; nothing without a folder.

        Raises:
            OverloadedError: others are learned from.
            StorageFullError: what was learned cannot be kept.
        """
        if self.kept is None or not submitted:
            return
        asked, found, choices = self._chosen([each.question for each in submitted])
        for area in range(len(self.served)):
            own = [number for number, choice in enumerate(choices) if choice == Choice(area, doubtful=False)]
            opened = self._opened(area) if own else None
            if opened is None or opened.learning is None:
                continue
            reports = located_reports(asked, found[area], np.array(own), self.served[area].deployment)
            where = np.array([(submitted[number].latitude, submitted[number].longitude) for number in own])
            local = self.served[area].frame.to_local(*where.T)
            position = np.column_stack([local, np.full(len(own), np.nan)])
            opened.learning.learn(replace(reports, position=position), opened.turn)

    def _chosen(
        self, questions: Sequence[Question]
    ) -> tuple[AskedReports, list[FoundCells], list[Choice | Why]]:
        """The questions as reports, their cells in each area, and which area each is of."""
        asked = asked_reports(questions)
        found = [found_cells(asked, area.deployment) for area in self.served]
        return asked, found, choices_of(asked, found, [area.distinct_pcis for area in self.served])

    def _opened(self, number: int) -> _Opened:
        """An area, ready to locate; the maps of others are let go while memory is short."""
        with self._opening:
            if number not in self._open:
                served = self.served[number]
                answering = self.locators.answering(served.folder)
                learning = self.kept.opened(served.name, answering) if self.kept else None
                self._open[number] = _Opened.of(answering, learning)
            self._open.move_to_end(number)
            while len(self._open) > 1 and psutil.Process().memory_info().rss > self.memory:
                self._open.popitem(last=False)
            return self._open[number]


def _by_area(choices: Sequence[Choice | Why]) -> dict[int, Int[np.ndarray, " question"]]:
    """The questions of each area that any is of."""
    of = [choice.area if isinstance(choice, Choice) else -1 for choice in choices]
    return {area: np.flatnonzero(np.array(of) == area) for area in sorted({*of} - {-1})}


def _of_area(opinions: Callable[[], OpinionsOfSites], area: int) -> Densities | None:
    return opinions().get(area)


def _heard(
    asked: AskedReports, found: FoundCells, number: int, answering: Answering, question: Question, fix: Fix
) -> tuple[HeardCell, ...]:
    """The cells of the last report of a question that names any of the area."""
    deployment, levels = answering.deployment, answering.levels_at(fix.position)
    report = int(last_known_reports(asked, found)[number])
    start, stop = asked.reports.token_offsets[report : report + 2].tolist()
    tokens = [token for token in range(start, stop) if asked.reports.beam[token] < 0]
    measured = question.reports[report - int(asked.reports.report_offsets[number])].cells
    heard = []
    for token, cell in zip(tokens, measured, strict=True):
        index = int(found.cell[token])
        if index < 0:
            heard.append(HeardCell(cell, Known.UNKNOWN))
            continue
        x, y, _ = deployment.sites[deployment.cells[index].site].position
        level = None if np.isnan(levels[index]) else float(levels[index])
        heard.append(HeardCell(cell, Known(int(found.known[token])), (x, y), level))
    return tuple(heard)
