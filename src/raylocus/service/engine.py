"""The one thing that the HTTP side asks; anything that answers so can stand behind it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from raylocus.inference.opinion_of_sites import Densities
from raylocus.service.answers import Answer, Refusal
from raylocus.service.questions import Question, Submitted


@runtime_checkable
class Engine(Protocol):
    """Locates phones; may be called from several threads at once."""

    @property
    def areas(self) -> tuple[str, ...]:
        """Names of the areas that it can locate in."""

    def folder(self, area: str) -> Path | None:
        """Where an area lies on disk, for those who draw it; None where it is not served."""

    def warm(self) -> None:
        """Does what the first answer would else wait for."""

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        """One answer a question, in their order; they are located together where they lie in one area."""

    def learn(self, submitted: Sequence[Submitted]) -> None:
        """Takes note of what phones heard at known positions, where it learns."""


#: What sites and levels say of the questions of each area, by the area's number.
OpinionsOfSites = Mapping[int, Densities]


def no_opinions() -> OpinionsOfSites:
    """Those of nobody."""
    return {}


@runtime_checkable
class DivisibleEngine(Engine, Protocol):
    """An engine whose part in an answer another process with the same engine may take, so that it comes sooner."""

    def opinions_of_sites(self, questions: Sequence[Question]) -> OpinionsOfSites:
        """The part of `answer` that needs no maps, of areas that are open; `answer_with` takes it."""

    def answer_with(
        self, questions: Sequence[Question], opinions: Callable[[], OpinionsOfSites]
    ) -> list[Answer | Refusal]:
        """The same as `answer`.

        Args:
            questions: what is asked.
            opinions: waits for `opinions_of_sites` of the same questions; what is lacking is worked out here.
        """


class FaultError(Exception):
    """A fault of an engine in another process; its text holds nothing that was asked."""


def fault_of(error: BaseException) -> str:
    """Kind and line of an error, without its message, which may hold what was asked."""
    if isinstance(error, FaultError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
