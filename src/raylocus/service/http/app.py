"""The application: endpoints, errors in the shape of each API, and what stands in front."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from raylocus.service.batching import Batcher
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.engine import Engine
from raylocus.service.http import announcements, camara, ichnaea, nlmf, operations, rich, viewer
from raylocus.service.http.admission import ApiKeys
from raylocus.service.http.desk import Board, Desk
from raylocus.service.http.guard import Guard
from raylocus.service.http.problems import DECODE, Problem, problem_response
from raylocus.service.http.watch import Meters, Watch


def create_app(engine: Engine, configuration: ServiceConfiguration) -> FastAPI:
    """The ASGI application over an engine.

    Raises:
        InputError: the file of API keys cannot be used.
    """
    keys, meters = ApiKeys.read(configuration.key_file), Meters()
    batcher = Batcher(
        engine,
        configuration.batch,
        configuration.patience,
        configuration.answer_time,
        configuration.processes,
        meters.observe_batch,
    )

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncGenerator[None, None]:
        await batcher.start()
        yield
        await batcher.stop()

    app = FastAPI(
        title="raylocus",
        version=metadata.version("raylocus"),
        summary="Where is the phone, and how sure can we be?",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
    )
    board = Board(configuration.board_time, configuration.board_size)
    app.state.desk = Desk(batcher, configuration, board, meters)
    for module in (ichnaea, rich, nlmf, camara, announcements, operations, viewer):
        app.include_router(module.ROUTER)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    # The last one added is the outermost.
    app.add_middleware(Guard, configuration=configuration, keys=keys, batcher=batcher, meters=meters)
    app.add_middleware(Watch, meters=meters)
    return app


async def _on_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return problem_response(request, problem)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    code = DECODE if first["type"] == "json_invalid" else ""
    return problem_response(request, Problem(400, f"{where}: {first['msg']}", code))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    # The only 400 that comes this way is a body that no parser reads: too deep, or a number too long.
    code = DECODE if error.status_code == 400 else ""
    answer = problem_response(request, Problem(error.status_code, str(error.detail), code))
    # With 405 comes what is allowed (RFC 9110 §15.5.6).
    answer.headers.update(error.headers or {})
    return answer
