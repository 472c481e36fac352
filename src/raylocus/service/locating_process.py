"""What runs in a process that locates: an engine, and work that comes over a connection."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from raylocus.errors import RaylocusError
from raylocus.execution.memory import keep_freed_memory
from raylocus.geo import GeoFrame, Grid
from raylocus.service.answers import Answer, Refusal
from raylocus.service.engine import DivisibleEngine, FaultError, OpinionsOfSites, fault_of, no_opinions
from raylocus.service.questions import Question, Submitted


@lru_cache(64)
def _one_of(kind: Callable[..., Any], *values: Any) -> Any:
    """The same object for all answers: what it works out, such as projections, is kept."""
    return kind(*values)


def _by_its_fields(value: GeoFrame | Grid) -> tuple[Any, ...]:
    return _one_of, (type(value), *(getattr(value, each.name) for each in fields(value)))


ForkingPickler.register(GeoFrame, _by_its_fields)
ForkingPickler.register(Grid, _by_its_fields)


@dataclass(frozen=True)
class ToLearn:
    """Reports to learn from; may be empty."""

    submitted: Sequence[Submitted]


@dataclass(frozen=True)
class Packed:
    """Questions as they are sent; two processes that share an answer are sent the same bytes."""

    content: bytes

    @classmethod
    def of(cls, questions: Sequence[Question]) -> Packed:
        """Some questions."""
        return cls(bytes(ForkingPickler.dumps(questions)))

    def unpacked(self) -> Sequence[Question]:
        """The questions."""
        questions: Sequence[Question] = ForkingPickler.loads(self.content)
        return questions


@dataclass(frozen=True)
class ToAnswer:
    """Questions, after which `OpinionsOfSites` of another process follow."""

    questions: Packed


@dataclass(frozen=True)
class ToJudgeBySites:
    """Questions of which another process answers the rest."""

    questions: Packed


Task = ToLearn | ToAnswer | ToJudgeBySites
Done = Sequence[Answer | Refusal] | OpinionsOfSites | Exception


class _Awaited:
    """Opinions of another process, taken from the connection when they are first wanted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: OpinionsOfSites | None = None

    def __call__(self) -> OpinionsOfSites:
        """Those, or none if the other process has failed."""
        if self._found is None:
            found = self._connection.recv()
            self._found = no_opinions() if isinstance(found, Exception) else found
        return self._found


def work(connection: Connection, load: Callable[[], DivisibleEngine]) -> None:
    """Answers until nobody asks any more: also when the process that asks is killed."""
    # An interrupt of the keyboard reaches every process; the one that asks decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    # By the time that this runs an engine has loaded it; the process that only asks can do without.
    import torch

    # Masses far from a phone are next to nothing, and numbers next to nothing are slow.
    torch.set_flush_denormal(True)
    engine = _engine(load)
    try:
        while True:
            connection.send(_done(engine, connection.recv(), connection))
            if isinstance(engine, Exception):
                return
    except (EOFError, OSError):
        return


def _engine(load: Callable[[], DivisibleEngine]) -> DivisibleEngine | Exception:
    try:
        engine = load()
        engine.warm()
        # What is loaded stays: to look through it for garbage takes as long as half an answer.
        gc.freeze()
    except Exception as error:  # whoever asks first gets it
        return _sent(error)
    return engine


def _done(engine: DivisibleEngine | Exception, task: Task, connection: Connection) -> Done:
    if not isinstance(task, ToAnswer):
        return _tried(engine, task, no_opinions)
    opinions = _Awaited(connection)
    done = _tried(engine, task, opinions)
    opinions()  # whoever sends them waits until they are taken
    return done


def _tried(engine: DivisibleEngine | Exception, task: Task, opinions: Callable[[], OpinionsOfSites]) -> Done:
    if isinstance(engine, Exception):
        return engine
    try:
        if isinstance(task, ToJudgeBySites):
            return engine.opinions_of_sites(task.questions.unpacked())
        if isinstance(task, ToAnswer):
            return engine.answer_with(task.questions.unpacked(), opinions)
        engine.learn(task.submitted)
        return []
    except Exception as error:  # it is that of this task
        return _sent(error)


def _sent(error: Exception) -> Exception:
    """An error as it may leave the process: what the user can meet as it is, of others only where they are from."""
    return error if isinstance(error, RaylocusError) else FaultError(fault_of(error))
