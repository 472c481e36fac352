"""What machines ask of a service: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from raylocus.service.http.desk import desk_of

ROUTER = APIRouter(tags=["operations"])


@ROUTER.get("/healthz", summary="Whether the process answers")
async def healthz() -> dict[str, str]:
    """Always the same answer, as long as there is one."""
    return {"status": "alive"}


@ROUTER.get(
    "/readyz",
    summary="Whether questions are answered",
    response_model=dict[str, str],
    responses={503: {"model": dict[str, str]}},
)
async def readyz(request: Request) -> JSONResponse:
    """Ready as soon as the model and the first area are loaded."""
    ready = desk_of(request).batcher.ready
    return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)


@ROUTER.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counts and times, in Prometheus' text."""
    desk = desk_of(request)
    desk.meters.waiting.set(desk.batcher.waiting)
    desk.meters.ready.set(desk.batcher.ready)
    return Response(generate_latest(desk.meters.registry), media_type=CONTENT_TYPE_LATEST)
