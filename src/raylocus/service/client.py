"""A client of the service, for programs that ask where phones are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from raylocus.errors import InputError, ServiceError
from raylocus.service.client_answers import Circle, Located, NotLocatedError, refusal

#: A report of `/v2/locate`: lists of cells under `nr` and `lte`, and its `time` [s] where there are several.
Scan = Mapping[str, Any]


class Client:
    """Asks a service in any of its dialects: `Client("http://127.0.0.1:8080").locate([{"nr": [...]}])`."""

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
        answer = self._found("/v2/locate", {"reports": list(reports)}, query)
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

    def geolocate(self, towers: Sequence[Mapping[str, Any]]) -> Circle | None:
        """The circle that holds a phone with 95 %, by ichnaea's towers; None where no area has them.

        Args:
            towers: `cellTowers` of `/v1/geolocate`.

        Raises:
            InputError, ServiceError: as `locate`.
        """
        answer = self._found("/v1/geolocate", {"cellTowers": list(towers)})
        if answer is None:
            return None
        return Circle(answer["location"]["lat"], answer["location"]["lng"], answer["accuracy"])

    def geosubmit(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Hands in collected reports, `items` of `/v2/geosubmit`.

        The service keeps them with `--store` and learns from them with `--learn`, else neither.

        Raises:
            InputError, ServiceError: as `locate`.
        """
        self._asked("POST", "/v2/geosubmit", {"items": list(items)})

    def announce(self, key: str, reports: Sequence[Scan]) -> None:
        """Keeps measurements in the service for a short time, for a request that names their key.

        Args:
            key: a correlationID, or what names a device: its phone number, access identifier or public address.
            reports: as those of `locate`.

        Raises:
            InputError, ServiceError: as `locate`.
        """
        self._asked("PUT", _announcement(key), {"reports": list(reports)})

    def forget(self, key: str) -> None:
        """Deletes announced measurements.

        Raises:
            InputError: nothing is announced under the key, or as `locate`.
            ServiceError: as `locate`.
        """
        self._asked("DELETE", _announcement(key))

    def determine_location(self, **data: Any) -> dict[str, Any] | None:
        """`LocationData` of TS 29.572; None where the positioning failed, as no area has the cells.

        Args:
            data: `InputData`, such as correlationID="session-17", locationQoS={"hAccuracy": 50}.

        Raises:
            InputError: nothing is announced under the correlationID, or as `locate`.
            ServiceError: as `locate`.
        """
        return self._found("/nlmf-loc/v1/determine-location", data)

    def retrieve_location(self, device: Mapping[str, Any], **limits: float) -> Circle | None:
        """The circle that holds a device with 95 %; None where no area has its cells.

        Args:
            device: CAMARA's, such as {"phoneNumber": "+49301234567"}, under which its measurements are announced.
            limits: `maxAge` [s], `maxSurface` [m²].

        Raises:
            InputError: nothing is announced of the device, a limit is not met, or as `locate`.
            ServiceError: as `locate`.
        """
        answer = self._found("/location-retrieval/v0.5/retrieve", {"device": device, **limits})
        if answer is None:
            return None
        centre = answer["area"]["center"]
        return Circle(centre["latitude"], centre["longitude"], answer["area"]["radius"])

    def verify_location(
        self, device: Mapping[str, Any], latitude: float, longitude: float, radius: float, **limits: float
    ) -> float | None:
        """The probability that a device is in a circle, to the nearest percent; None where no area has its cells.

        Args:
            device: as that of `retrieve_location`.
            latitude: of the circle's centre [degrees].
            longitude: of the circle's centre [degrees].
            radius: of the circle, at least 1 [m].
            limits: `maxAge` [s].

        Raises:
            InputError, ServiceError: as `retrieve_location`.
        """
        centre = {"latitude": latitude, "longitude": longitude}
        area = {"areaType": "CIRCLE", "center": centre, "radius": radius}
        answer = self._found("/location-verification/v3/verify", {"device": device, "area": area, **limits})
        if answer is None:
            return None
        return answer.get("matchRate", 100 * (answer["verificationResult"] == "TRUE")) / 100

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

    def _found(
        self, path: str, body: Mapping[str, Any], query: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """The JSON answer; None where no area has the cells."""
        try:
            return self._asked("POST", path, body, query)
        except NotLocatedError:
            return None

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON answer; none is an empty one."""
        try:
            answer = self._http.request(method, path, json=body, params=query)
            content = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise ServiceError(f"no answer from {self._http.base_url}; is the service running?") from error
        if answer.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            wait = answer.headers.get("retry-after", "1")
            raise ServiceError(f"{self._http.base_url} has no time; ask again after {wait} s")
        if answer.is_error:
            raise refusal(content if isinstance(content, dict) else {}, str(self._http.base_url))
        return dict(content)


def _announcement(key: str) -> str:
    return f"/raylocus/v1/measurements/{quote(key, safe='')}"
