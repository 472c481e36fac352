"""Measurements that come before the request they are for: a core's adapter puts them, Nlmf and CAMARA ask."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from raylocus.service.http.desk import desk_of
from raylocus.service.http.problems import Problem
from raylocus.service.http.rich import ERRORS
from raylocus.service.http.rich_request import Measurements, question_of_measurements

ROUTER = APIRouter(tags=["measurements"], prefix="/raylocus/v1/measurements")

Key = Annotated[
    str, Path(min_length=1, max_length=255, description="correlationID, phone number, NAI or public address")
]
_DONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done"}, **ERRORS}


@ROUTER.put("/{key:path}", status_code=204, response_class=Response, responses=_DONE, summary="Announce")
async def announce(request: Request, key: Key, body: Measurements) -> Response:
    """Keeps measurements in memory for a short time, for a request that names the key."""
    question = question_of_measurements(body)
    if not question.last.cells:
        raise Problem(400, "there is no cell with a level and with an identity or PCI")
    desk_of(request).board.put(key, question)
    return Response(status_code=204)


@ROUTER.delete("/{key:path}", status_code=204, response_class=Response, responses=_DONE, summary="Forget")
async def forget(request: Request, key: Key) -> Response:
    """Forgets what was announced under a key."""
    if not desk_of(request).board.drop(key):
        raise Problem(404, "nothing is announced under this key")
    return Response(status_code=204)
