"""`/v2/locate`: everything that a network knows of a phone, everything that raylocus can say of it."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from raylocus.inference.fix import fixes_geojson
from raylocus.service.answers import Answer, Refusal
from raylocus.service.http.desk import CONFIDENCE, desk_of
from raylocus.service.http.problems import Problem
from raylocus.service.http.rich_answer import LocateAnswer, locate_answer, unknown_cell
from raylocus.service.http.rich_request import Measurements, question_of_measurements
from raylocus.service.regions import ellipse_at, ellipse_outline

ROUTER = APIRouter(tags=["locate"])
GEOJSON = "application/geo+json"


class LocateError(BaseModel):
    """An error as HERE's positioning writes it."""

    title: str
    status: int
    code: str
    cause: str


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": LocateError} for status in (400, 401, 404, 405, 408, 413, 415, 429, 503)
}


@ROUTER.post(
    "/v2/locate",
    response_model=LocateAnswer,
    responses={**ERRORS, 200: {"model": LocateAnswer, "content": {GEOJSON: {"schema": {"type": "object"}}}}},
    summary="Locate, with everything that is known",
)
async def locate(
    request: Request,
    body: Measurements,
    confidence: Annotated[int, Query(ge=50, le=99)] = CONFIDENCE,
    desired: Annotated[str, Query(max_length=40, description="mixture, heatmap, or both")] = "",
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """The position at the last report; cells that cannot be read are passed over, and counted."""
    found = await desk_of(request).locate(question_of_measurements(body))
    if isinstance(found, Refusal):
        heard = [unknown_cell(cell).model_dump(exclude_none=True) for cell in found.cells]
        extra = {"unknownCells": heard, "dropped": body.dropped}
        raise Problem(404, found.why.value, found.why.name, extra=extra)
    wanted = {word.strip() for word in desired.split(",")}
    answer = locate_answer(found, confidence, body.dropped, wanted)
    if GEOJSON in accept:
        return JSONResponse(geojson(found, answer), media_type=GEOJSON)
    # As it is: a returned model would be checked a second time.
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def geojson(found: Answer, answer: LocateAnswer) -> dict[str, Any]:
    """The location with the whole answer as its properties, and the circle and the ellipse that hold the phone."""
    fix, confidence = found.fix, answer.confidence / 100
    assert fix.frame is not None
    properties = answer.model_dump(exclude_none=True, exclude={"location"})
    made = fixes_geojson([fix], [properties], confidence)
    latitude, longitude = fix.frame.to_wgs84(ellipse_outline(fix.position, ellipse_at(fix, confidence)))
    ring = np.stack([longitude, latitude], axis=-1).round(7).tolist()
    polygon = {"type": "Polygon", "coordinates": [ring]}
    region = {"region": "ellipse", "confidence": answer.confidence}
    made["features"].append({"type": "Feature", "geometry": polygon, "properties": region})
    return made
