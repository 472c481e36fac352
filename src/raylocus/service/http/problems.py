"""Errors in the shape of the API that was asked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

#: Paths of the APIs by the shape of their errors; everything else has the shape of `/v2/locate`.
ICHNAEA = ("/v1/", "/v2/geosubmit")
NLMF = ("/nlmf-loc/",)
CAMARA = ("/location-retrieval/", "/location-verification/")

#: What CAMARA's requests and answers, errors too, are matched by (XCorrelator of CAMARA_common.yaml, from 0.5 on).
CORRELATOR, CORRELATOR_PATTERN = "x-correlator", r"^[a-zA-Z0-9_:;./<>{}-]{0,256}$"

#: What ichnaea calls a body that cannot be read at all, for `Problem.code`; the other APIs have words of their own.
DECODE = "decode"

_TITLES = {
    400: "Bad request",
    401: "Missing or invalid API key",
    404: "Not found",
    405: "Method not allowed",
    408: "Request took too long",
    413: "Body is too large",
    415: "Content encoding is not supported",
    422: "Cannot be answered",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}


@dataclass
class Problem(Exception):
    """A request that is not answered."""

    status: int
    detail: str
    """One sentence that says what is wrong, without names of files."""
    code: str = ""
    """What the API calls it, where it has a word of its own for it."""
    retry_after: float | None = None
    """Seconds after which to ask again."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the API's error."""


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    """The problem as the API that was asked writes its errors."""
    path = request.url.path
    headers = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after)))
    media = "application/json"
    if path.startswith(ICHNAEA):
        content = _ichnaea(problem)
    elif path.startswith(NLMF):
        content, media = _nlmf(problem), "application/problem+json"
    elif path.startswith(CAMARA):
        content = _camara(problem)
        headers |= _correlated(request)
    else:
        content = _here(problem)
    status = _status(path, problem)
    return JSONResponse(content, status, headers, media)


def _status(path: str, problem: Problem) -> int:
    """ichnaea knows no 401."""
    return 400 if path.startswith(ICHNAEA) and problem.status == 401 else problem.status


_ICHNAEA = {
    400: ("global", "parseError", "Parse Error"),
    401: ("usageLimits", "keyInvalid", "Missing or invalid API key."),
    404: ("geolocation", "notFound", "Not found"),
    429: ("usageLimits", "rateLimitExceeded", "You have exceeded your rate limit."),
    500: ("global", "internalError", "Internal Error"),
    503: ("global", "serviceUnavailable", "Service Unavailable"),
}


def _ichnaea(problem: Problem) -> dict[str, Any]:
    """Errors as ichnaea and Google write them."""
    domain, reason, message = _ICHNAEA.get(
        problem.status, ("global", "badRequest", _TITLES.get(problem.status, "Bad Request"))
    )
    code = 400 if problem.status == 401 else problem.status
    error: dict[str, Any] = {
        "errors": [{"domain": domain, "reason": reason, "message": message}],
        "code": code,
        "message": message,
    }
    if reason == "parseError":
        error["details"] = {problem.code or "validation": problem.detail}
    return {"error": error}


def _here(problem: Problem) -> dict[str, Any]:
    """Errors as HERE's positioning writes them, without its numbers."""
    return {
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "code": _own_code(problem) or _word(problem.status),
        "cause": problem.detail,
        **problem.extra,
    }


def _nlmf(problem: Problem) -> dict[str, Any]:
    """ProblemDetails of TS 29.571 §5.2.4.1, with the causes of TS 29.500 §5.2.7.2 and TS 29.572 §6.1.7.3."""
    causes = {
        400: "MANDATORY_IE_INCORRECT",
        401: "UNAUTHORIZED",
        404: "RESOURCE_URI_STRUCTURE_NOT_FOUND",
        429: "NF_CONGESTION_RISK",
        500: "SYSTEM_FAILURE",
        503: "NF_CONGESTION",
    }
    own = "INVALID_MSG_FORMAT" if problem.code == DECODE else problem.code
    return {
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "cause": own or causes.get(problem.status, "UNSPECIFIED_MSG_FAILURE"),
    }


def _camara(problem: Problem) -> dict[str, Any]:
    """ErrorInfo of CAMARA's common definitions."""
    codes = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "TOO_MANY_REQUESTS", 500: "INTERNAL"}
    codes[503] = "UNAVAILABLE"
    code = _own_code(problem) or codes.get(problem.status) or _word(problem.status)
    return {"status": problem.status, "code": code, "message": problem.detail}


def _correlated(request: Request) -> dict[str, str]:
    """The header by which the request is known, where it is one."""
    correlator = request.headers.get(CORRELATOR, "")
    return {CORRELATOR: correlator} if correlator and re.fullmatch(CORRELATOR_PATTERN, correlator) else {}


def _own_code(problem: Problem) -> str:
    return "" if problem.code == DECODE else problem.code


def _word(status: int) -> str:
    return _TITLES.get(status, "error").upper().replace(" ", "_")
