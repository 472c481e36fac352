"""The viewer at `/`: what is served, to look at."""

from __future__ import annotations

import gzip
from html import escape
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from raylocus.errors import RaylocusError
from raylocus.service.http.desk import Desk, desk_of
from raylocus.service.http.problems import Problem
from raylocus.service.http.rich import ERRORS
from raylocus.service.pages import packed_page

ROUTER = APIRouter(tags=["viewer"])
_INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>raylocus</title></head>
<body><h1>raylocus</h1><p>Areas that phones are located in:</p><ul>{areas}</ul></body></html>
"""

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}},
    **ERRORS,
}
Encodings = Annotated[str, Header(alias="accept-encoding")]


@ROUTER.get("/", response_class=Response, responses=_PAGE, summary="The only area, or a list of all")
async def index(request: Request, encodings: Encodings = "") -> Response:
    """The viewer where one area is served, else links to that of each."""
    desk = desk_of(request)
    names = desk.batcher.engine.areas
    if len(names) == 1:
        return await _page(desk, names[0], encodings)
    links = [f'<li><a href="/areas/{quote(name, safe="")}">{escape(name)}</a></li>' for name in names]
    return HTMLResponse(_INDEX.format(areas="".join(links)))


@ROUTER.get("/areas/{name}", response_class=Response, responses=_PAGE, summary="The viewer of an area")
async def area(request: Request, name: str, encodings: Encodings = "") -> Response:
    """Buildings, ground, sites and maps of an area, without phones."""
    return await _page(desk_of(request), name, encodings)


async def _page(desk: Desk, name: str, encodings: str) -> Response:
    folder = desk.batcher.engine.folder(name)
    if folder is None:
        raise Problem(404, "no area of this name is served")
    try:
        async with desk.drawing:
            packed = await run_in_threadpool(packed_page, folder)
    except (RaylocusError, OSError) as error:  # its sentence names files of this machine
        raise Problem(404, "there is no page of this area") from error
    if "gzip" in encodings:
        return HTMLResponse(packed, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    return HTMLResponse(gzip.decompress(packed))
