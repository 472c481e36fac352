"""Processes that locate, with an engine in each: threads of one process would take turns with its interpreter.

They are forked from a process that has loaded the libraries and nothing else (multiprocessing's fork server), so that
they share the libraries' memory and inherit no thread, lock or connection of the service.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import Empty, LifoQueue

from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import LOGGER
from raylocus.service.engine import DivisibleEngine, FaultError, no_opinions
from raylocus.service.locating_process import Packed, ToAnswer, ToJudgeBySites, ToLearn, work
from raylocus.service.questions import Question, Submitted
from raylocus.service.served_areas import ServedAreas

#: Processes that may end while they answer a question, until it is given up.
ATTEMPTS = 2
#: What is sent instead of opinions where nobody has any.
NOTHING = bytes(ForkingPickler.dumps(no_opinions()))


class Worker:
    """One process, started when it is first asked, and again after it was ended."""

    def __init__(self, load: Callable[[], DivisibleEngine]) -> None:
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
            context.Process(target=work, args=(its, self._load), daemon=True).start()
            its.close()
        return self._connection

    def runs(self) -> bool:
        """Whether it was started and has not ended, as far as is known."""
        return self._connection is not None

    def learn(self, submitted: Sequence[Submitted]) -> None:
        """Has its engine learn.

        Raises:
            EOFError, OSError: the process was ended.
            RaylocusError, FaultError: what its engine raises.
        """
        self._answer_to(lambda connection: connection.send(ToLearn(submitted)))

    def answer(self, questions: Packed, opinions: Callable[[Packed], bytes]) -> list[Answer | Refusal]:
        """What its engine answers.

        Args:
            questions: what is asked.
            opinions: called meanwhile, for the `opinions_of_sites` of another process.

        Raises:
            EOFError, OSError: the process was ended.
            RaylocusError, FaultError: what its engine raises.
        """

        def send(connection: Connection) -> None:
            connection.send(ToAnswer(questions))
            connection.send_bytes(opinions(questions))

        return self._answer_to(send)

    def opinions_of_sites(self, questions: Packed) -> bytes:
        """What its engine says of questions by sites and levels, as it was sent; nothing where the process ends."""
        connection = self.start()
        try:
            connection.send(ToJudgeBySites(questions))
            return connection.recv_bytes()
        except (EOFError, OSError):
            self._connection = None
            return NOTHING

    def _answer_to(self, send: Callable[[Connection], None]) -> list[Answer | Refusal]:
        connection = self.start()
        try:
            send(connection)
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
    def of(cls, served: ServedAreas, load: Callable[[], DivisibleEngine], count: int) -> Workers:
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
            worker.learn([])

    def answer(self, questions: Sequence[Question]) -> list[Answer | Refusal]:
        """The answers of the next process that is idle; if it ends meanwhile another one in its place is asked.

        Where a second one is idle meanwhile, it has its part in them.

        Raises:
            RaylocusError, FaultError: what the engine raises, or the questions end every process.
        """
        packed = Packed.of(questions)
        for _ in range(ATTEMPTS):
            try:
                with self._next() as worker:
                    return worker.answer(packed, self._opinions_of_another)
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
            with self._next() as worker:
                worker.learn(submitted)
        except (EOFError, OSError):
            LOGGER.error(json.dumps({"fault": "a process ended while it learned; its reports may be lost"}))

    def _opinions_of_another(self, questions: Packed) -> bytes:
        """Those of a process that has nothing else to do, if there is one."""
        try:
            worker = self._idle.get_nowait()
        except Empty:
            return NOTHING
        try:
            # To start one takes longer than the answer.
            return worker.opinions_of_sites(questions) if worker.runs() else NOTHING
        finally:
            self._idle.put(worker)

    @contextmanager
    def _next(self) -> Generator[Worker, None, None]:
        """The process that is idle next, which is not while it is asked."""
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)
