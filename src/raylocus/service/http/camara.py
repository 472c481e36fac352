"""CAMARA's location retrieval 0.5 and verification 3.0, from announced measurements."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from raylocus.service.answers import Answer, Refusal
from raylocus.service.http.desk import CONFIDENCE, Announced, Desk, desk_of
from raylocus.service.http.nlmf import date_time
from raylocus.service.http.problems import CORRELATOR, CORRELATOR_PATTERN, Problem
from raylocus.service.http.rich_request import Measurements, question_of_measurements
from raylocus.service.regions import mass_within

ROUTER = APIRouter(tags=["CAMARA"])
Correlator = Annotated[str | None, Header(alias=CORRELATOR, pattern=CORRELATOR_PATTERN)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Ipv4(_Model):
    """A device's address as the network sees it."""

    publicAddress: Annotated[str | None, Field(max_length=64)] = None


class Device(_Model):
    """What names a device; measurements are announced under one of these."""

    phoneNumber: Annotated[str | None, Field(pattern=r"^\+[1-9][0-9]{4,14}$")] = None
    networkAccessIdentifier: Annotated[str | None, Field(max_length=255)] = None
    ipv4Address: Ipv4 | None = None
    ipv6Address: Annotated[str | None, Field(max_length=64)] = None

    @property
    def keys(self) -> list[str]:
        """The keys that its measurements may be announced under."""
        public = self.ipv4Address.publicAddress if self.ipv4Address else None
        given = (self.phoneNumber, self.networkAccessIdentifier, public, self.ipv6Address)
        return [key for key in given if key]


class _Asked(_Model):
    device: Device | None = None
    maxAge: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    raylocusMeasurements: Measurements | None = None
    """Extension: what was measured, as `/v2/locate` takes it; else it is looked up by the device."""


class RetrievalRequest(_Asked):
    """What location retrieval takes."""

    maxSurface: Annotated[float | None, Field(ge=1, allow_inf_nan=False)] = None
    """Square metres."""


class CamaraPoint(_Model):
    """WGS84 degrees."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Circle(_Model):
    """A circle on the ground."""

    areaType: Literal["CIRCLE"]
    center: CamaraPoint
    radius: Annotated[float, Field(ge=1, le=1e7)]
    """Metres."""


class VerificationRequest(_Asked):
    """What location verification takes."""

    area: Circle


class RetrievalAnswer(_Model):
    """The circle that holds the device with 95 %."""

    lastLocationTime: str
    area: Circle


class VerificationAnswer(_Model):
    """Whether the device is in the circle that was asked about."""

    verificationResult: Literal["TRUE", "FALSE", "PARTIAL"]
    matchRate: int | None = None
    """Probability that it is [%]."""
    lastLocationTime: str


class ErrorInfo(_Model):
    """An error as CAMARA writes it."""

    status: int
    code: str
    message: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorInfo} for status in (400, 401, 404, 405, 408, 413, 415, 422, 429, 503)
}


@ROUTER.post(
    "/location-retrieval/v0.5/retrieve",
    responses=ERRORS,
    response_model_exclude_none=True,
    summary="Retrieve a device's location",
)
async def retrieve(
    request: Request, response: Response, body: RetrievalRequest, correlator: Correlator = None
) -> RetrievalAnswer:
    """The circle that holds the device with a probability of 95 %."""
    announced, found = await _located(body, desk_of(request), "LOCATION_RETRIEVAL")
    _echo(response, correlator)
    radius = max(1.0, round(found.fix.radius(CONFIDENCE / 100), 1))
    if body.maxSurface is not None and math.pi * radius**2 > body.maxSurface:
        raise Problem(
            422,
            f"the device can be located within {math.pi * radius**2:.0f} m², not within {body.maxSurface:.0f} m²",
            "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_SURFACE",
        )
    latitude, longitude = found.fix.latlon or (0.0, 0.0)
    centre = CamaraPoint(latitude=round(latitude, 7), longitude=round(longitude, 7))
    circle = Circle(areaType="CIRCLE", center=centre, radius=radius)
    return RetrievalAnswer(lastLocationTime=date_time(announced.at), area=circle)


@ROUTER.post(
    "/location-verification/v3/verify",
    responses=ERRORS,
    response_model_exclude_none=True,
    summary="Verify a device's location",
)
async def verify(
    request: Request, response: Response, body: VerificationRequest, correlator: Correlator = None
) -> VerificationAnswer:
    """How probable it is that the device is in a circle."""
    announced, found = await _located(body, desk_of(request), "LOCATION_VERIFICATION")
    _echo(response, correlator)
    assert found.fix.frame is not None
    centre = found.fix.frame.to_local(body.area.center.latitude, body.area.center.longitude)
    inside = mass_within(found.fix, centre, body.area.radius) if np.isfinite(centre).all() else 0.0
    rate = round(100 * inside)
    result: Literal["TRUE", "FALSE", "PARTIAL"] = (
        "TRUE" if rate == 100 else "FALSE" if rate == 0 else "PARTIAL"
    )
    return VerificationAnswer(
        verificationResult=result,
        matchRate=rate if result == "PARTIAL" else None,
        lastLocationTime=date_time(announced.at),
    )


def _echo(response: Response, correlator: str | None) -> None:
    if correlator:
        response.headers[CORRELATOR] = correlator


async def _located(body: _Asked, desk: Desk, api: str) -> tuple[Announced, Answer]:
    announced = _announced(body, desk)
    if body.maxAge is not None and desk.board.clock() - announced.at > max(body.maxAge, 1.0):
        raise Problem(
            422, "the device's measurements are older than maxAge", f"{api}.UNABLE_TO_FULFILL_MAX_AGE"
        )
    found = await desk.locate(announced.question)
    if isinstance(found, Refusal):
        raise Problem(422, found.why.value, f"{api}.UNABLE_TO_LOCATE")
    return announced, found


def _announced(body: _Asked, desk: Desk) -> Announced:
    if body.raylocusMeasurements is not None:
        return Announced(question_of_measurements(body.raylocusMeasurements), desk.board.clock())
    if body.device is None or not body.device.keys:
        raise Problem(422, "the request names no device", "MISSING_IDENTIFIER")
    found = [kept for key in body.device.keys if (kept := desk.board.get(key)) is not None]
    if not found:
        raise Problem(404, "no measurements of this device are announced", "IDENTIFIER_NOT_FOUND")
    return found[0]
