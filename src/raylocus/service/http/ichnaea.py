"""`/v1/geolocate` and `/v2/geosubmit` in ichnaea's bytes, with what its living dialects added."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, ValidationError

from raylocus.errors import StorageFullError
from raylocus.network.formats.measurements import advance_of_steps, level_of_signal, technologies_of
from raylocus.service.answers import Answer, Refusal
from raylocus.service.batching import OverloadedError
from raylocus.service.engine import Engine
from raylocus.service.http.desk import CONFIDENCE, desk_of
from raylocus.service.http.lenient import EACH_VALID, Counting, Within, nan_if_none
from raylocus.service.http.problems import Problem
from raylocus.service.http.submissions import keep_submission
from raylocus.service.questions import MeasuredCell, MeasuredReport, Question, Submitted, question_of

ROUTER = APIRouter(tags=["ichnaea"])
#: Sources of positions that a phone or its user measured; `fused` ones may rest on what a service like this said.
MEASURED = ("gps", "gnss", "manual")
#: Positions that are said to be less accurate are not learned from [m].
LEAST_ACCURATE = 50.0
#: Reports of one body that are learned from at most: each costs as much as an answer.
MOST_LEARNED = 20


class Tower(BaseModel):
    """A cell tower; `cellId` is the 28-bit identity of LTE, `newRadioCellId` the 36-bit one of NR."""

    model_config = ConfigDict(extra="ignore")

    radioType: str | None = None
    mobileCountryCode: Annotated[float | None, Within(0, 999, True)] = None
    mobileNetworkCode: Annotated[float | None, Within(0, 999, True)] = None
    locationAreaCode: Annotated[float | None, Within(0, 16777215, True)] = None
    cellId: Annotated[float | None, Within(0, 68719476735, True)] = None
    newRadioCellId: Annotated[float | None, Within(0, 68719476735, True)] = None
    age: Annotated[float | None, Within(0, 86_400_000, True, "ms")] = None
    arfcn: Annotated[float | None, Within(0, 3279165, True)] = None
    psc: Annotated[float | None, Within(0, 1007, True)] = None
    primaryScramblingCode: Annotated[float | None, Within(0, 1007, True)] = None
    asu: Annotated[float | None, Within(0, 97, True)] = None
    signalStrength: Annotated[float | None, Within(-156, 97, False, "dBm, or ASU from 0")] = None
    timingAdvance: Annotated[float | None, Within(0, 1282, True, "16 Ts of LTE")] = None
    serving: Annotated[float | None, Within(0, 1, True)] = None


class GeolocateBody(Counting):
    """What ichnaea's clients send; WLANs, beacons and addresses are read and not used."""

    model_config = ConfigDict(extra="ignore")

    radioType: str | None = None
    cellTowers: Annotated[list[Tower], EACH_VALID] = []
    considerIp: bool | None = None
    wifiAccessPoints: list[Any] | None = None
    bluetoothBeacons: list[Any] | None = None


class Point(BaseModel):
    """WGS84 degrees."""

    lat: float
    lng: float


class GeolocateAnswer(BaseModel):
    """Where the phone is; the circle of this radius holds it with a probability of 95 %."""

    location: Point
    accuracy: float
    """Metres."""
    fallback: str | None = None
    raylocus: dict[str, Any] | None = None
    """What the answer rests on, where `explain` asks for it."""


class IchnaeaError(BaseModel):
    """An error as ichnaea writes it."""

    error: dict[str, Any]


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": IchnaeaError} for status in (400, 404, 405, 408, 413, 415, 429, 503)
}


@ROUTER.post(
    "/v1/geolocate", responses=ERRORS, response_model_exclude_none=True, summary="Locate, as ichnaea does"
)
async def geolocate(
    request: Request,
    body: Annotated[GeolocateBody | None, Body()] = None,
    key: Annotated[str | None, Query()] = None,
    explain: Annotated[bool, Query()] = False,
) -> GeolocateAnswer:
    """The circle that holds the phone with 95 %; towers that cannot be read are passed over."""
    body = body or GeolocateBody()
    found = await desk_of(request).locate(geolocate_question(body))
    if isinstance(found, Refusal):
        raise Problem(404, found.why.value)
    latitude, longitude = found.fix.latlon or (0.0, 0.0)
    return GeolocateAnswer(
        location=Point(lat=round(latitude, 7), lng=round(longitude, 7)),
        accuracy=round(found.fix.radius(CONFIDENCE / 100), 1),
        fallback=found.fallback,
        raylocus=_explained(found, body.dropped) if explain else None,
    )


def geolocate_question(body: GeolocateBody) -> Question:
    """The question of a body; towers of one age are one report."""
    by_age: dict[float, list[MeasuredCell]] = {}
    for tower in body.cellTowers:
        by_age.setdefault(tower.age or 0.0, []).append(_cell(tower, body.radioType))
    return question_of([MeasuredReport(-age / 1000, tuple(cells)) for age, cells in by_age.items()])


def _cell(tower: Tower, default: str | None) -> MeasuredCell:
    given = (tower.radioType or default or "")[:16]
    if not given and tower.newRadioCellId is not None:
        given = "nr"
    technology = str(technologies_of(np.array([given], np.str_))[0])
    signal = tower.asu if tower.signalStrength is None else tower.signalStrength
    pci = tower.primaryScramblingCode if tower.psc is None else tower.psc
    identity = tower.cellId if tower.newRadioCellId is None else tower.newRadioCellId
    # T_A of NR has a step that the dialects do not say.
    steps = nan_if_none(tower.timingAdvance) if technology == "LTE" else np.nan
    return MeasuredCell(
        technology=technology,
        channel=nan_if_none(tower.arfcn),
        pci=nan_if_none(pci),
        identity=nan_if_none(identity),
        serving=tower.serving == 1,
        rsrp=float(level_of_signal(np.array([nan_if_none(signal)]))[0]),
        timing_advance=float(advance_of_steps(np.array([steps]))[0]),
    )


def _explained(found: Answer, dropped: int) -> dict[str, Any]:
    return {
        "area": found.area,
        "confidence": CONFIDENCE,
        "trusted": found.trusted,
        "knownCells": len(found.known),
        "unknownCells": len(found.unknown),
        "droppedTowers": dropped,
    }


class Position(BaseModel):
    """Where a report was made."""

    model_config = ConfigDict(extra="ignore")

    latitude: Annotated[float | None, Within(-90, 90)] = None
    longitude: Annotated[float | None, Within(-180, 180)] = None
    accuracy: Annotated[float | None, Within(0, 1e7, unit="m")] = None
    source: str = "gps"

    @property
    def measured(self) -> bool:
        """Whether it does not rest on what networks said, and is accurate."""
        return self.source in MEASURED and (self.accuracy or 0.0) <= LEAST_ACCURATE


class SubmittedItem(GeolocateBody):
    """One report that a client collected."""

    position: Position = Position()


class GeosubmitBody(Counting):
    """Reports with positions, as ichnaea's clients collect them."""

    model_config = ConfigDict(extra="ignore")

    items: list[dict[str, Any]]


@ROUTER.post("/v2/geosubmit", responses=ERRORS, summary="Take collected reports")
async def geosubmit(
    request: Request, body: GeosubmitBody, key: Annotated[str | None, Query()] = None
) -> dict[str, str]:
    """Checks collected reports; keeps them with `--store`, and learns from them with `--learn`, else neither."""
    desk = desk_of(request)
    if desk.configuration.learn is not None:
        await run_in_threadpool(_learn, desk.batcher.engine, body.items)
    await run_in_threadpool(keep_submission, desk.configuration.store, body.items)
    return {}


def _learn(engine: Engine, items: list[dict[str, Any]]) -> None:
    """Raises Problem where what is learned cannot be kept, or others are learned from."""
    try:
        engine.learn(list(islice(_submitted(items), MOST_LEARNED)))
    except OverloadedError as error:
        raise Problem(503, str(error), retry_after=error.retry_after) from error
    except (StorageFullError, OSError) as error:
        raise Problem(503, "what is learned cannot be kept at the moment", retry_after=60.0) from error


def _submitted(items: list[dict[str, Any]]) -> Iterator[Submitted]:
    """Reports of measured positions; items that cannot be read are passed over."""
    for raw in items:
        try:
            item = SubmittedItem.model_validate(raw)
        except ValidationError:
            continue
        where = item.position
        if where.measured and where.latitude is not None and where.longitude is not None:
            yield Submitted(geolocate_question(item), where.latitude, where.longitude)
