"""The one thing that the HTTP side asks; anything that answers so can stand behind it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

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


class FaultError(Exception):
    """A fault of an engine in another process; its text holds nothing that was asked."""


def fault_of(error: BaseException) -> str:
    """Kind and line of an error, without its message, which may hold what was asked."""
    if isinstance(error, FaultError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
