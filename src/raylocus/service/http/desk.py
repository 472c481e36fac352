"""What every endpoint needs: the queue to the engine, the limits, and the measurements that were announced."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import Batcher, OverloadedError
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.http.problems import Problem
from raylocus.service.http.watch import Meters
from raylocus.service.questions import Question


@dataclass(frozen=True)
class Announced:
    """Measurements of one phone."""

    question: Question
    at: float
    """When they came, by the wall clock [s]."""


#: Cells that announced measurements have on average where as many are kept as may be; with more, fewer are kept.
CELLS_EACH = 32


@dataclass
class Board:
    """Announced measurements by the key that the later request names: a correlationID or a device's identifier."""

    seconds: float
    """How long they are kept."""
    size: int
    """Most that are kept, with at most `CELLS_EACH` times as many cells; the oldest go first."""
    clock: Callable[[], float] = time.time
    _kept: OrderedDict[str, Announced] = field(default_factory=OrderedDict, repr=False)
    _cells: int = 0

    def put(self, key: str, question: Question) -> None:
        """Announces measurements; those of the same key are replaced."""
        self.drop(key)
        self._kept[key] = Announced(question, self.clock())
        self._cells += question.cells
        self._forget()

    def get(self, key: str) -> Announced | None:
        """What was announced under a key, while it is kept."""
        self._forget()
        return self._kept.get(key)

    def drop(self, key: str) -> bool:
        """Forgets what was announced under a key; whether there was anything."""
        announced = self._kept.pop(key, None)
        self._cells -= announced.question.cells if announced else 0
        return announced is not None

    def _forget(self) -> None:
        oldest = self.clock() - self.seconds
        while self._kept and (self._full or next(iter(self._kept.values())).at < oldest):
            self.drop(next(iter(self._kept)))

    @property
    def _full(self) -> bool:
        # One alone is kept, however large it is: the largest body bounds it.
        return len(self._kept) > 1 and (len(self._kept) > self.size or self._cells > CELLS_EACH * self.size)


#: Confidence of radii and ellipses unless a request asks for another [%].
CONFIDENCE = 95


@dataclass(frozen=True)
class Desk:
    """One running service."""

    batcher: Batcher
    configuration: ServiceConfiguration
    board: Board
    meters: Meters
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a page is made, which takes a second: one at a time, however many are asked for."""

    async def locate(self, question: Question) -> Answer | Refusal:
        """The engine's answer.

        Raises:
            Problem: the service has more to do than it can.
        """
        try:
            found = await self.batcher.ask(question)
        except OverloadedError as error:
            self.meters.shed.inc()
            raise Problem(503, str(error), retry_after=error.retry_after) from error
        self.meters.answered(found)
        return found


def desk_of(request: Request) -> Desk:
    """The desk of the application that was asked."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk
