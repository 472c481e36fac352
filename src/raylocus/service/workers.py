"""Processes that locate, with an engine in each: threads of one process would take turns with its interpreter.

They are forked from a process that has loaded the libraries and nothing else (multiprocessing's fork server), so that
they share the libraries' memory and inherit no thread, lock or connection of the service.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import LifoQueue
from typing import Any

from raylocus.errors import RaylocusError
from raylocus.execution.memory import keep_freed_memory
from raylocus.geo import GeoFrame, Grid
from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import LOGGER
from raylocus.service.engine import Engine, FaultError, fault_of
from raylocus.service.questions import Question, Submitted
from raylocus.service.served_areas import ServedAreas

#: Processes that may end while they answer a question, until it is given up.
ATTEMPTS = 2


@lru_cache(64)
def _one_of(kind: Callable[..., Any], *values: Any) -> Any:
    """The same object for all answers: what it works out, such as projections, is kept."""
    return kind(*values)


def _by_its_fields(value: GeoFrame | Grid) -> tuple[Any, ...]:
    return _one_of, (type(value), *(getattr(value, each.name) for each in fields(value)))


ForkingPickler.register(GeoFrame, _by_its_fields)
ForkingPickler.register(Grid, _by_its_fields)


@dataclass(frozen=True)
class Work:
    """What a process is asked to do; either may be empty."""

    questions: Sequence[Question]
    submitted: Sequence[Submitted]


class Worker:
    """One process, started when it is first asked, and again after it was ended."""

    def __init__(self, load: Callable[[], Engine]) -> None:
        """A process that is not started yet.

        Args:
            load: makes its engine, there.
        """
        self._load = load
        self._connection: Connection | None = None

    def start(self) -> Connection:
        """Starts the process unless it runs; it makes itself ready meanwhile."""
        if self._connection is None:
            context = multiprocessing.get_context("forkserver")
            self._connection, its = context.Pipe()
            context.Process(target=_work, args=(its, self._load), daemon=True).start()
            its.close()
        return self._connection

    def ask(self, work: Work) -> list[Answer | Refusal]:
        """What its engine answers.

        Raises:
            EOFError, OSError: the process was ended.
            RaylocusError, FaultError: what its engine raises.
        """
        connection = self.start()
        try:
            connection.send(work)
            found: list[Answer | Refusal] | Exception = connection.recv()
        except (EOFError, OSError):
            self._connection = None
            raise
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True)
class Workers(ServedAreas):
    """The engine of several processes on this machine, each with a batch at a time."""

    workers: tuple[Worker, ...]
    _idle: LifoQueue[Worker] = field(default_factory=LifoQueue, repr=False)
    """The one that answered last is asked first: what it needs is in the processor's cache."""

    def __post_init__(self) -> None:
        for worker in self.workers:
            self._idle.put(worker)

    @classmethod
    def of(cls, served: ServedAreas, load: Callable[[], Engine], count: int) -> Workers:
        """So many processes, none of which is started.

        Args:
            served: what the engine of each serves.
            load: makes the engine of a process; it is sent there.
            count: number of processes.
        """
        return cls(served.served, tuple(Worker(load) for _ in range(count)))

    def warm(self) -> None:
        """Has every process make itself ready.

        Raises:
            RaylocusError: its engine cannot be made.
        """
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.ask(Work([], []))

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        """The answers of the next process that is idle; if it ends meanwhile another one in its place is asked.

        Raises:
            RaylocusError, FaultError: what the engine raises, or the questions end every process.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._asked(Work(questions, []))
            except (EOFError, OSError):
                continue
        raise FaultError(f"{ATTEMPTS} processes that locate ended while they were asked")

    def learn(self, submitted: Sequence[Submitted]) -> None:
        """Has the next process that is idle learn, from whose file the others read it.

        If it ends meanwhile nobody is asked again: what it learned it may have kept, and must not be learned twice.

        Raises:
            RaylocusError, FaultError: what the engine raises.
        """
        try:
            self._asked(Work([], submitted))
        except (EOFError, OSError):
            LOGGER.error(json.dumps({"fault": "a process ended while it learned; its reports may be lost"}))

    def _asked(self, work: Work) -> list[Answer | Refusal]:
        """Raises EOFError, OSError where the process ends meanwhile."""
        worker = self._idle.get()
        try:
            return worker.ask(work)
        finally:
            self._idle.put(worker)


def _work(connection: Connection, load: Callable[[], Engine]) -> None:
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
            connection.send(_answers(engine, connection.recv()))
            if isinstance(engine, Exception):
                return
    except (EOFError, OSError):
        return


def _engine(load: Callable[[], Engine]) -> Engine | Exception:
    try:
        engine = load()
        engine.warm()
        # What is loaded stays: to look through it for garbage takes as long as half an answer.
        gc.freeze()
    except Exception as error:  # whoever asks first gets it
        return _sent(error)
    return engine


def _answers(engine: Engine | Exception, work: Work) -> Sequence[Answer | Refusal] | Exception:
    if isinstance(engine, Exception):
        return engine
    try:
        engine.learn(work.submitted)
        return engine.answer(work.questions)
    except Exception as error:  # it is that of this work
        return _sent(error)


def _sent(error: Exception) -> Exception:
    """An error as it may leave the process: what the user can meet as it is, of others only where they are from."""
    return error if isinstance(error, RaylocusError) else FaultError(fault_of(error))
