"""The server process: one event loop, which asks the processes that locate."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Any, ClassVar

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from raylocus.errors import InputError
from raylocus.service.configuration import ServiceConfiguration

#: Most connections at a time.
CONNECTIONS = 1000
#: Longest time between two requests of a connection [s].
KEEP_ALIVE = 30


def serve(app: FastAPI, configuration: ServiceConfiguration) -> None:
    """Serves until the process is asked to stop.

    Raises:
        InputError: the address cannot be listened on.
    """
    listening = _listen(configuration)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"raylocus serves on http://{shown}:{port}", flush=True)
    settings = uvicorn.Config(
        app,
        http=type("Patient", (PatientProtocol,), {"head_seconds": configuration.request_time}),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16 * 1024,
    )
    gc.freeze()  # as `service.locating_process` does
    uvicorn.Server(settings).run(sockets=[listening])


def _listen(configuration: ServiceConfiguration) -> socket.socket:
    family = socket.AF_INET6 if ":" in configuration.host else socket.AF_INET
    # With its protocol named, asyncio sends small packets at once; without, answers would wait 40 ms for an ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((configuration.host, configuration.port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(
            f"cannot listen on {configuration.host} port {configuration.port} ({error}); choose another with "
            "--host and --port"
        ) from error
    return listening


class PatientProtocol(H11Protocol):
    """HTTP that closes a connection whose client takes too long to send the head of a request."""

    head_seconds: ClassVar[float] = 5.0
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Waits for the rest of a head, from its first byte on."""
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
