"""What a client of the service gets: positions, circles, and refusals of any API in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raylocus.errors import InputError

#: What ichnaea, Nlmf and CAMARA call an answer without a location.
NOT_LOCATED = ("notFound", "POSITIONING_FAILED", "UNABLE_TO_LOCATE")


@dataclass(frozen=True)
class Located:
    """Where a phone is, as a service answered."""

    latitude: float
    """WGS84 [degrees]."""
    longitude: float
    """WGS84 [degrees]."""
    radius: float
    """Radius [m] that holds the phone at `confidence`."""
    confidence: int
    """[%]."""
    trusted: bool
    """Whether the service vouches for it."""
    answer: dict[str, Any]
    """The whole answer of `/v2/locate`."""


@dataclass(frozen=True)
class Circle:
    """A circle on the ground."""

    latitude: float
    """WGS84 [degrees]."""
    longitude: float
    """WGS84 [degrees]."""
    radius: float
    """[m]."""


class NotLocatedError(InputError):
    """No area of the service has the cells."""


def refusal(content: Mapping[str, Any], service: str) -> InputError:
    """The error that an answer's JSON stands for, in the shape of any of the APIs."""
    if isinstance(content.get("error"), dict):  # ichnaea
        error = content["error"]
        word = error["errors"][0]["reason"]
        reason = "; ".join(error.get("details", {}).values()) or error["message"]
    elif "detail" in content:  # Nlmf
        word, reason = content["cause"], content["detail"]
    else:  # CAMARA has a message, `/v2/locate` a cause
        word = content.get("code", "").rpartition(".")[2]
        reason = content.get("message") or content.get("cause") or "no reason given"
    located = word not in NOT_LOCATED and "unknownCells" not in content
    return (InputError if located else NotLocatedError)(f"{service} refuses the request: {reason}")
