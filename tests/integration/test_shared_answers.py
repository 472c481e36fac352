"""An answer that two processes work out together is that of one, and nobody waits for a process that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from raylocus.inference.area_locator import AreaLocator
from raylocus.service.answers import Answer, Refusal, Why
from raylocus.service.area_engine import AreaEngine
from raylocus.service.engine import FaultError, OpinionsOfSites
from raylocus.service.http.rich_request import Measurements, question_of_measurements
from raylocus.service.locating_process import work
from raylocus.service.questions import MeasuredCell, Question
from raylocus.service.workers import Worker, Workers
from service_fixtures import levels_at, nr_scan, served

WHERE = ((20.0, -10.0), (-60.0, 40.0), (70.0, 70.0))


@pytest.fixture(scope="module")
def questions_and_engine(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Question], AreaEngine]:
    place = served(tmp_path_factory.mktemp("served"))
    bodies = [Measurements.model_validate(nr_scan(levels_at(place.places[0], *where))) for where in WHERE]
    return [question_of_measurements(body) for body in bodies], place.engine()


def masses(answers: Sequence[Any]) -> np.ndarray:
    assert all(isinstance(answer, Answer) for answer in answers)
    return np.stack([answer.fix.heatmap for answer in answers])


def test_an_answer_with_the_opinion_of_another_process_is_the_same(
    questions_and_engine: tuple[list[Question], AreaEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions, engine = questions_and_engine
    assert not engine.opinions_of_sites(questions), "a place that is not open is left to who answers"
    alone = masses(engine.answer(questions))
    opinions = engine.opinions_of_sites(questions)
    np.testing.assert_array_equal(masses(engine.answer_with(questions, lambda: opinions)), alone)
    # Those of other questions are not taken for theirs.
    two = masses(engine.answer_with(questions[:2], lambda: opinions))
    np.testing.assert_array_equal(two, masses(engine.answer(questions[:2])))
    even = {0: np.full_like(opinions[0], 1 / opinions[0][0].size)}
    assert not np.allclose(masses(engine.answer_with(questions, lambda: even)), alone)

    def located(*_: Any) -> None:
        raise AssertionError("what the other process said was worked out again")

    monkeypatch.setattr(AreaLocator, "on_grid", located)
    np.testing.assert_array_equal(masses(engine.answer_with(questions, lambda: opinions)), alone)


class Noting:
    """Answers with its process's number, and with that of the process whose opinion it was given."""

    areas = ("none",)
    fails, ends = False, False

    def folder(self, area: str) -> None:
        return None

    def warm(self) -> None:
        pass

    def learn(self, submitted: Any) -> None:
        pass

    def answer(self, questions: Any) -> Any:
        return self.answer_with(questions, dict)

    def opinions_of_sites(self, questions: Any) -> OpinionsOfSites:
        if self.ends:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fails:
            raise ZeroDivisionError
        return {0: np.full((1, 1, 1), os.getpid(), np.float32)}

    def answer_with(self, questions: Any, opinions: Callable[[], OpinionsOfSites]) -> Any:
        if self.fails:
            raise ZeroDivisionError
        numbers = (os.getpid(), *(each.item() for each in opinions().values()))
        return [Refusal(Why.NO_CELLS, tuple(MeasuredCell(pci=float(number)) for number in numbers))]


class Failing(Noting):
    fails = True


class Ending(Noting):
    ends = True


class Forked(Worker):
    """A process with what this one has loaded."""

    def start(self) -> Connection:
        if self._connection is None:
            context = multiprocessing.get_context("fork")
            self._connection, its = context.Pipe()
            context.Process(target=work, args=(its, self._load), daemon=True).start()
            its.close()
        return self._connection


def answers_of(*engines: Callable[[], Any], times: int = 2) -> list[list[float]]:
    """Of each answer the number of the process that gave it, and that of another one that had its part."""
    workers = Workers((), tuple(Forked(engine) for engine in engines))
    workers.warm()
    found = [workers.answer([])[0] for _ in range(times)]
    return [[cell.pci for cell in each.cells] for each in found if isinstance(each, Refusal)]


def test_a_process_that_is_idle_has_its_part_in_an_answer() -> None:
    two = answers_of(Noting, Noting)
    assert [len({*numbers}) for numbers in two] == [2, 2]
    assert [len(numbers) for numbers in answers_of(Noting)] == [1, 1]


@pytest.mark.parametrize("other", [Failing, Ending])
def test_a_process_that_fails_to_take_its_part_spoils_no_answer(other: type[Noting]) -> None:
    # Of two the last one is asked first.
    assert [len(numbers) for numbers in answers_of(other, Noting, times=3)] == [1, 1, 1]


def test_what_is_sent_to_a_process_that_fails_is_not_taken_for_the_next_question() -> None:
    failing = Forked(Failing)
    workers = Workers((), (Forked(Noting), failing))
    workers.warm()
    connection = failing.start()
    for _ in range(3):
        with pytest.raises(FaultError, match="ZeroDivisionError"):
            workers.answer([])
    assert failing.start() is connection, "it ended, having taken an opinion for a question"
