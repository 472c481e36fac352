"""A client of the service, for programs that ask where phones are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from raylocus.errors import InputError, ServiceError

#: A report of `/v2/locate`: lists of cells under `nr` and `lte`, and its `time` [s] where there are several.
Scan = Mapping[str, Any]


@dataclass(frozen=True)
class Located:
    """Where a phone is, as a service answered."""

    latitude: float
    """WGS84 [degrees]."""
    longitude: float
    """WGS84 [degrees]."""
    radius: float
    """Radius [m] that holds the phone at `confidence`."""
    confidence: int
    """[%]."""
    trusted: bool
    """Whether the service vouches for it."""
    answer: dict[str, Any]
    """The whole answer of `/v2/locate`."""


class Client:
    """Asks a service: `Client("http://127.0.0.1:8080").locate([{"nr": [...]}])`."""

    def __init__(self, url: str, key: str | None = None, timeout: float = 15.0) -> None:
        """A client of one service; connections are kept until `close`.

        Args:
            url: address of the service, such as http://127.0.0.1:8080.
            key: API key, where the service wants one.
            timeout: longest time to wait for an answer [s].

        Raises:
            InputError: the address is none.
        """
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        try:
            self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise InputError(f"{url!r} is no address of a service, such as http://127.0.0.1:8080") from error

    def locate(self, reports: Sequence[Scan], confidence: int = 95, desired: str = "") -> Located | None:
        """Where a phone was at the last of its reports; None where no area of the service has its cells.

        Args:
            reports: its reports, in the shape of `/v2/locate` (docs/service.md).
            confidence: of the radius, 50 to 99 [%].
            desired: `mixture`, `heatmap`, or both with a comma.

        Raises:
            InputError: the service refuses what was asked.
            ServiceError: it does not answer, or has no time to.
        """
        query = {"confidence": confidence, "desired": desired}
        answer = self._post("/v2/locate", {"reports": list(reports)}, query)
        if answer is None:
            return None
        location = answer["location"]
        return Located(
            latitude=location["lat"],
            longitude=location["lng"],
            radius=answer["radius"],
            confidence=answer["confidence"],
            trusted=answer["trusted"],
            answer=answer,
        )

    def ready(self) -> bool:
        """Whether the service answers questions."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, path: str, body: Mapping[str, Any], query: Mapping[str, Any]) -> dict[str, Any] | None:
        """The JSON answer; None where nothing was found."""
        try:
            answer = self._http.post(path, json=body, params=dict(query))
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ServiceError(f"no answer from {self._http.base_url}; is the service running?") from error
        if answer.status_code == httpx.codes.NOT_FOUND and "unknownCells" in content:
            return None
        if answer.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            wait = answer.headers.get("retry-after", "1")
            raise ServiceError(f"{self._http.base_url} has no time; ask again after {wait} s")
        if answer.is_error:
            raise InputError(
                f"{self._http.base_url} refuses the request: {content.get('cause', 'no reason given')}"
            )
        return dict(content)
