"""Questions that arrive together are located together, by few threads; what would wait too long is turned away."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from raylocus.errors import RaylocusError
from raylocus.service.answers import Answer, Refusal, Why
from raylocus.service.engine import Engine
from raylocus.service.questions import Question

LOGGER = logging.getLogger("raylocus.service")
#: Share of a new measurement in the running mean of the time a phone takes.
NEWS = 0.1


class OverloadedError(RaylocusError):
    """More is asked than can be answered in time; carries the seconds after which to ask again."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the service has more to do than it can answer in time; ask again later")
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[OverloadedError], tuple[float]]:
        return type(self), (self.retry_after,)


@dataclass(frozen=True)
class _Waiting:
    question: Question
    answer: asyncio.Future[Answer | Refusal]


class Batcher:
    """The queue between requests and the engine."""

    def __init__(
        self,
        engine: Engine,
        batch: int,
        patience: float,
        answer_time: float,
        threads: int = 1,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        """A queue that is not running yet.

        Args:
            engine: asked in threads of their own.
            batch: most questions that are asked at once.
            patience: longest time to wait for a turn [s].
            answer_time: longest time to wait for an answer [s].
            threads: batches that are asked at once.
            observe: called with the size and the seconds of each batch.
        """
        self.engine, self.batch = engine, batch
        self.patience, self.answer_time, self.observe = patience, answer_time, observe
        self.threads, self.seconds_each = threads, patience / (2 * batch)
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._busy = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="locate")
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = False

    @property
    def waiting(self) -> int:
        """Questions that are not answered yet."""
        return self._queue.qsize() + self._busy

    @property
    def overload(self) -> float | None:
        """Seconds that a question would have to wait, where that is too long; None where it may be asked."""
        wait = self.waiting * self.seconds_each / self.threads
        # One may always wait for each at work, or a slow answer would turn everybody away for good.
        return wait if wait > self.patience and self.waiting > self.threads else None

    async def start(self) -> None:
        """Begins to answer, and makes the engine ready in the background."""
        self._tasks.append(asyncio.create_task(self._make_ready()))

    async def stop(self) -> None:
        """Stops; what still waits is given up."""
        for task in self._tasks:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def ask(self, question: Question) -> Answer | Refusal:
        """The answer to a question.

        Raises:
            OverloadedError: too much is waiting, or the answer takes too long.
        """
        if self.overload is not None:
            raise OverloadedError(self.overload)
        waiting = _Waiting(question, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        try:
            return await asyncio.wait_for(waiting.answer, self.answer_time)
        except TimeoutError as error:
            raise OverloadedError(self.answer_time) from error

    async def _make_ready(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self.engine.warm)
        except Exception as error:  # a service that cannot answer is not ready, and says so
            LOGGER.error(json.dumps({"fault": f"{type(error).__name__} while it was made ready"}))
            return
        self.ready = True
        self._tasks += [asyncio.create_task(self._answer()) for _ in range(self.threads)]

    async def _answer(self) -> None:
        """Batch after batch, by one thread at a time."""
        ended = time.perf_counter()
        while True:
            idle, since = self._queue.empty(), time.perf_counter()
            batch = await self._next()
            # Under load everything between two batches counts, reading requests and writing answers included.
            started = time.perf_counter() if idle else min(since, ended)
            questions = [waiting.question for waiting in batch]
            self._busy += len(batch)
            answers = await asyncio.get_running_loop().run_in_executor(self._pool, self._answers, questions)
            self._busy -= len(batch)
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    _settle(waiting.answer, answer)
            ended = time.perf_counter()
            self._learn(len(batch), ended - started)

    async def _next(self) -> list[_Waiting]:
        """Whatever waits, up to a full batch; those who gave up are left out."""
        batch = [await self._queue.get()]
        while len(batch) < self.batch and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return [waiting for waiting in batch if not waiting.answer.done()] or await self._next()

    def _learn(self, size: int, seconds: float) -> None:
        self.seconds_each += NEWS * (seconds / size - self.seconds_each)
        self.observe(size, seconds)

    def _answers(self, questions: list[Question]) -> list[Answer | Refusal | Exception]:
        """One answer each; where a batch fails, its questions are asked one by one, so that one spoils no other."""
        try:
            return list(self.engine.answer(questions))
        except Exception as error:  # whatever it is, it is that of one question
            if len(questions) == 1:
                return [Refusal(Why.UNUSABLE) if isinstance(error, RaylocusError) else error]
            return [answer for question in questions for answer in self._answers([question])]


def _settle(future: asyncio.Future[Answer | Refusal], answer: Answer | Refusal | Exception) -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
