"""What every endpoint needs: the queue to the engine, the limits, the board of announced measurements."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import Batcher, OverloadedError
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.http.board import Board
from raylocus.service.http.problems import Problem
from raylocus.service.http.watch import Meters
from raylocus.service.questions import Question

#: Confidence of radii and ellipses unless a request asks for another [%].
CONFIDENCE = 95


@dataclass(frozen=True)
class Desk:
    """One running service."""

    batcher: Batcher
    configuration: ServiceConfiguration
    board: Board
    meters: Meters

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
