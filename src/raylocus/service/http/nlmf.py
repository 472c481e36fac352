"""`Nlmf_Location` (TS 29.572): what an AMF asks an LMF, answered from announced measurements."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from raylocus.service.answers import Answer, Refusal
from raylocus.service.http.desk import CONFIDENCE, Announced, Desk, desk_of
from raylocus.service.http.gad import SHAPES, area_of
from raylocus.service.http.problems import Problem
from raylocus.service.http.rich_request import Measurements, question_of_measurements

ROUTER = APIRouter(tags=["Nlmf_Location"])
#: Largest age that can be said (TS 29.572, AgeOfLocationEstimate) [min].
OLDEST = 32767


class LocationQos(BaseModel):
    """LocationQoS; what else it may hold is passed over."""

    model_config = ConfigDict(extra="ignore")

    hAccuracy: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None


class InputData(BaseModel):
    """InputData of TS 29.572; what is not here is accepted and not used."""

    model_config = ConfigDict(extra="ignore")

    correlationID: Annotated[str | None, Field(max_length=255)] = None
    """Left out or empty where the measurements come with the request."""
    supi: Annotated[str | None, Field(max_length=255)] = None
    gpsi: Annotated[str | None, Field(max_length=255)] = None
    locationQoS: LocationQos | None = None
    supportedGADShapes: Annotated[list[str] | None, Field(min_length=1, max_length=32)] = None
    ecgi: dict[str, Any] | None = None
    ncgi: dict[str, Any] | None = None
    raylocusMeasurements: Measurements | None = None
    """Extension: what was measured, as `/v2/locate` takes it; else it is looked up by the correlationID."""


class LocationData(BaseModel):
    """LocationData of TS 29.572."""

    locationEstimate: dict[str, Any]
    accuracyFulfilmentIndicator: str | None = None
    ageOfLocationEstimate: int
    """Minutes."""
    timestampOfLocationEstimate: str
    positioningDataList: list[dict[str, str]]


class ProblemDetails(BaseModel):
    """ProblemDetails of TS 29.571."""

    title: str
    status: int
    detail: str
    cause: str


_PROBLEM = {"content": {"application/problem+json": {"schema": ProblemDetails.model_json_schema()}}}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": "Problem", **_PROBLEM} for status in (400, 401, 404, 405, 408, 413, 415, 429, 503)
}


@ROUTER.post(
    "/nlmf-loc/v1/determine-location",
    response_model=LocationData,
    responses=ERRORS,
    summary="DetermineLocation",
)
async def determine_location(request: Request, body: InputData) -> JSONResponse:
    """The location estimate in the best shape that the consumer supports."""
    if body.ecgi is not None and body.ncgi is not None:
        raise Problem(400, "give ecgi or ncgi, not both", "MANDATORY_IE_INCORRECT")
    desk = desk_of(request)
    announced = _measurements(body, desk)
    found = await desk.locate(announced.question)
    if isinstance(found, Refusal):
        raise Problem(404, found.why.value, "POSITIONING_FAILED")
    area = area_of(found, CONFIDENCE, body.supportedGADShapes)
    if area is None:
        raise Problem(400, f"supportedGADShapes has none of {', '.join(SHAPES)}", "OPTIONAL_IE_INCORRECT")
    data = LocationData(
        locationEstimate=area,
        accuracyFulfilmentIndicator=_fulfilment(found, body.locationQoS),
        ageOfLocationEstimate=min(int((time.time() - announced.at) / 60), OLDEST),
        timestampOfLocationEstimate=date_time(announced.at),
        positioningDataList=[_method(found)],
    )
    return JSONResponse(data.model_dump(exclude_none=True))


def date_time(seconds: float) -> str:
    """RFC 3339 of a wall clock's time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _measurements(body: InputData, desk: Desk) -> Announced:
    if body.raylocusMeasurements is not None:
        return Announced(question_of_measurements(body.raylocusMeasurements), desk.board.clock())
    found = desk.board.get(body.correlationID) if body.correlationID else None
    if found is None:
        raise Problem(
            404,
            "no measurements are announced under this correlationID, and the request has no raylocusMeasurements",
            "CONTEXT_NOT_FOUND",
        )
    return found


def _fulfilment(found: Answer, wanted: LocationQos | None) -> str | None:
    """Whether the radius that holds the UE is no larger than what was asked for."""
    if wanted is None or wanted.hAccuracy is None:
        return None
    good = found.fix.radius(CONFIDENCE / 100) <= wanted.hAccuracy
    return f"REQUESTED_ACCURACY_{'FULFILLED' if good else 'NOT_FULFILLED'}"


def _method(found: Answer) -> dict[str, str]:
    nr = any(cell.measured.technology == "NR" for cell in found.known)
    return {
        "method": "NR_ECID" if nr else "ECID",
        "mode": "CONVENTIONAL",
        "usage": "SUCCESS_RESULTS_USED_TO_GENERATE_LOCATION",
    }
