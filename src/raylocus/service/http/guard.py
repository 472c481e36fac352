"""In front of the endpoints: keys, rates, and bodies that are short, quick and unpacked."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raylocus.service.batching import Batcher
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.http.admission import ApiKeys, RateLimit, client_of
from raylocus.service.http.problems import DECODE, Problem, problem_response
from raylocus.service.http.watch import Meters

#: Paths that say nothing but whether the service runs.
OPEN_PATHS = ("/healthz", "/readyz")
#: Paths whose requests the engine answers.
LOCATING_PATHS = (
    "/v1/geolocate",
    "/v2/locate",
    "/nlmf-loc/v1/determine-location",
    "/location-retrieval/v0.5/retrieve",
    "/location-verification/v3/verify",
)


class _GoneError(Exception):
    """The client closed the connection."""


@dataclass
class Guard:
    """Lets in what may be asked, with its whole body."""

    app: ASGIApp
    configuration: ServiceConfiguration
    keys: ApiKeys
    batcher: Batcher
    meters: Meters
    rates: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self.rates = RateLimit(self.configuration.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._admit(scope)
            body = await self._body(scope, receive)
        except Problem as problem:
            await problem_response(Request(scope), problem)(scope, receive, send)
        except _GoneError:
            return
        else:
            await self.app(_with_body(scope, body), _replaying(body, receive), send)

    def _admit(self, scope: Scope) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        key = _key(scope)
        if not self.keys.admits(key):
            raise Problem(401, "this service needs an API key, and the request has none of its keys")
        address = scope["client"][0] if scope.get("client") else ""
        named = key if self.keys.digests else None
        client = hashlib.sha256(named.encode()).hexdigest() if named else client_of(address)
        wait = self.rates.wait(client)
        if wait:
            raise Problem(429, "too many requests of one client; ask again later", retry_after=wait)
        overload = self.batcher.overload
        # What would be turned away later is turned away before it costs anything.
        if overload is not None and scope["path"] in LOCATING_PATHS:
            self.meters.shed.inc()
            raise Problem(503, "the service has more to do than it can answer in time", retry_after=overload)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, unpacked."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.configuration.body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.configuration.request_time):
                packed = await self._received(receive)
        except TimeoutError as error:
            raise Problem(408, "the request was not sent in time") from error
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if encoding in (b"identity", b""):
            return packed
        if encoding != b"gzip":
            raise Problem(415, "bodies are plain or packed with gzip")
        return self._unpacked(packed)

    async def _received(self, receive: Receive) -> bytes:
        size, more = 0, True
        parts = []
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self.configuration.body_bytes:
                raise self._too_large()
        return b"".join(parts)

    def _unpacked(self, packed: bytes) -> bytes:
        unpacking = zlib.decompressobj(wbits=31)
        try:
            body = unpacking.decompress(packed, self.configuration.body_bytes + 1)
        except zlib.error as error:
            raise Problem(400, "the body is not what gzip writes", DECODE) from error
        if len(body) > self.configuration.body_bytes:
            raise self._too_large()
        if not unpacking.eof:
            raise Problem(400, "the packed body ends too early", DECODE)
        return body

    def _too_large(self) -> Problem:
        return Problem(413, f"a body has at most {self.configuration.body_bytes} bytes, also when unpacked")


def _key(scope: Scope) -> str | None:
    """The key of a request, by any of the ways in which the APIs carry it."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    bearer = headers.get(b"authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    if b"x-api-key" in headers:
        return headers[b"x-api-key"]
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return next((query[name][0] for name in ("key", "apiKey") if query.get(name)), None)


def _with_body(scope: Scope, body: bytes) -> Scope:
    """The request as the endpoints see it: its body is JSON, whatever a client calls it."""
    if scope["method"] not in ("POST", "PUT"):
        return scope
    replaced = (b"content-length", b"content-encoding", b"content-type", b"transfer-encoding")
    kept = [pair for pair in scope["headers"] if pair[0] not in replaced]
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope["headers"] = [*kept, *own]
    return scope


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Gives the body once, and after it whatever the connection says."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
