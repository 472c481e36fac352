"""What an operator sees: a line of JSON a request, and counters; neither has positions or identities."""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from typing import Any

from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import LOGGER
from raylocus.service.engine import fault_of
from raylocus.service.http.problems import Problem, problem_response

_SECONDS = (0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("raylocus_requests", "Requests", ("route", "status"), registry=self.registry)
        self.seconds = Histogram(
            "raylocus_request_seconds", "Time to answer", ("route",), registry=self.registry, buckets=_SECONDS
        )
        self.batch = Histogram(
            "raylocus_batch_size",
            "Phones located together",
            registry=self.registry,
            buckets=(1, 2, 4, 8, 16, 32),
        )
        self.batch_seconds = Histogram(
            "raylocus_batch_seconds", "Time to locate a batch", registry=self.registry, buckets=_SECONDS
        )
        self.shed = Counter("raylocus_shed", "Requests turned away by load", registry=self.registry)
        self.answers = Counter(
            "raylocus_answers", "Questions by outcome", ("outcome",), registry=self.registry
        )
        self.unknown = Counter("raylocus_unknown_cells", "Cells that no area has", registry=self.registry)
        self.waiting = Gauge("raylocus_waiting", "Questions not answered yet", registry=self.registry)
        self.ready = Gauge("raylocus_ready", "Whether the service is ready", registry=self.registry)

    def observe_batch(self, size: int, seconds: float) -> None:
        """Counts a batch."""
        self.batch.observe(size)
        self.batch_seconds.observe(seconds)

    def answered(self, found: Answer | Refusal) -> None:
        """Counts an answer by its outcome."""
        if isinstance(found, Refusal):
            self.answers.labels(found.why.name.lower()).inc()
        else:
            self.answers.labels("trusted" if found.trusted else "untrusted").inc()
            self.unknown.inc(len(found.unknown))


class Watch:
    """Around everything else: counts, logs, and turns what went wrong into a plain answer."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 0, uuid.uuid4().hex[:12]

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:  # its message may hold what was asked, so it is not logged
            LOGGER.error(json.dumps({"request": request_id, "fault": fault_of(error)}))
            if not status:
                problem = Problem(500, f"the service has a fault; its log names it as {request_id}")
                await problem_response(Request(scope), problem)(scope, receive, noting)
        seconds = time.perf_counter() - started
        self._note(scope, status, seconds, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        # The path itself may hold an identity; its pattern does not.
        route = getattr(scope.get("route"), "path", "none")
        self.meters.requests.labels(route, str(status)).inc()
        self.meters.seconds.labels(route).observe(seconds)
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "request": request_id,
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(1e3 * seconds, 1),
        }
        LOGGER.info(json.dumps(line))


def log_to_standard_error() -> None:
    """One line of JSON a request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
