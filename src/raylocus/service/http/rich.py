"""`/v2/locate`: everything that a network knows of a phone, everything that raylocus can say of it."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from jaxtyping import Float
from pydantic import BaseModel

from raylocus.geo import GeoFrame
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
    response_model_exclude_none=True,
    summary="Locate, with everything that is known",
)
async def locate(
    request: Request,
    body: Measurements,
    confidence: Annotated[int, Query(ge=50, le=99)] = CONFIDENCE,
    desired: Annotated[str, Query(max_length=40, description="mixture, heatmap, or both")] = "",
    accept: Annotated[str, Header()] = "application/json",
) -> Any:
    """The position at the last report; cells that cannot be read are passed over, and counted."""
    found = await desk_of(request).locate(question_of_measurements(body))
    if isinstance(found, Refusal):
        heard = [unknown_cell(cell).model_dump(exclude_none=True) for cell in found.cells]
        extra = {"unknownCells": heard, "dropped": body.dropped}
        raise Problem(404, found.why.value, found.why.name, extra=extra)
    wanted = {word.strip() for word in desired.split(",")}
    answer = locate_answer(found, confidence, body.dropped, wanted)
    if GEOJSON not in accept:
        return answer
    return JSONResponse(geojson(found, answer), media_type=GEOJSON)


def geojson(found: Answer, answer: LocateAnswer) -> dict[str, Any]:
    """The location with the whole answer as its properties, and the ellipse and the circle that hold the phone."""
    fix, confidence = found.fix, answer.confidence
    assert fix.frame is not None
    ellipse = ellipse_outline(fix.position, ellipse_at(fix, confidence / 100))
    angle = np.linspace(0, 2 * np.pi, 49)
    circle = fix.position + answer.radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    point = {"type": "Point", "coordinates": [answer.location.lng, answer.location.lat]}
    properties = answer.model_dump(exclude_none=True, exclude={"location"})
    regions = [
        _feature(_polygon(outline, fix.frame), {"region": name, "confidence": confidence})
        for name, outline in (("ellipse", ellipse), ("circle", circle))
    ]
    return {"type": "FeatureCollection", "features": [_feature(point, properties), *regions]}


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _polygon(outline: Float[np.ndarray, "point 2"], frame: GeoFrame) -> dict[str, Any]:
    latitude, longitude = frame.to_wgs84(outline)
    ring = np.stack([longitude, latitude], axis=-1).round(7).tolist()
    return {"type": "Polygon", "coordinates": [ring]}
