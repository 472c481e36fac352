"""Words and shapes of the service's APIs: refusals that its client understands, shapes that hold, odd numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely import Polygon, contains_xy

from raylocus.errors import InputError
from raylocus.geo import GeoFrame, Grid
from raylocus.inference.fix import Fix
from raylocus.network.formats.cell_resolution import Known
from raylocus.service.answers import Answer, HeardCell
from raylocus.service.client_answers import NotLocatedError, refusal
from raylocus.service.http.gad import CORNERS, SHAPES, area_of
from raylocus.service.http.lenient import EACH_VALID, Counting, Kept, Within, nan_if_none
from raylocus.service.http.problems import DECODE, Problem, problem_response
from raylocus.service.questions import MeasuredCell
from raylocus.service.regions import arc_about, ellipse_at, ellipse_outline

PATHS = {
    "ichnaea": "/v1/geolocate",
    "Nlmf": "/nlmf-loc/v1/determine-location",
    "CAMARA": "/location-retrieval/v0.5/retrieve",
    "own": "/v2/locate",
}
STATUSES = [400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 503]


def answered(path: str, problem: Problem) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and content of a problem's response."""
    request = Request({"type": "http", "path": path, "headers": [], "query_string": b"", "method": "POST"})
    response = problem_response(request, problem)
    return response.status_code, dict(response.headers), json.loads(bytes(response.body))


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("status", STATUSES)
def test_the_client_understands_every_refusal(api: str, status: int) -> None:
    problem = Problem(status, "the tower has no level")
    code, headers, content = answered(PATHS[api], problem)
    # ichnaea has no 401, and of a 404 it has one word for all reasons.
    assert code == (400 if (api, status) == ("ichnaea", 401) else status)
    error = refusal(content, "somewhere")
    assert str(error).startswith("somewhere refuses the request: ") and "\n" not in str(error)
    assert (problem.detail in str(error)) or (api == "ichnaea" and status != 400)
    assert isinstance(error, NotLocatedError) == (api == "ichnaea" and status == 404)
    assert "retry-after" not in headers
    assert headers["content-type"] == "application/" + ("problem+json" if api == "Nlmf" else "json")


@pytest.mark.parametrize(
    ("api", "code"), [("Nlmf", "POSITIONING_FAILED"), ("CAMARA", "LOCATION_RETRIEVAL.UNABLE_TO_LOCATE")]
)
def test_nobody_located_is_an_error_of_its_own(api: str, code: str) -> None:
    content = answered(PATHS[api], Problem(422, "no area has the cells", code))[2]
    assert isinstance(refusal(content, "s"), NotLocatedError) and "no area has the cells" in str(
        refusal(content, "s")
    )
    own = answered(PATHS["own"], Problem(422, "no", extra={"unknownCells": [1]}))[2]
    assert own["unknownCells"] == [1] and isinstance(refusal(own, "s"), NotLocatedError)


@pytest.mark.parametrize("api", PATHS)
def test_the_word_for_what_cannot_be_read_is_each_apis_own(api: str) -> None:
    content = answered(PATHS[api], Problem(400, "no JSON", DECODE))[2]
    words = {
        "ichnaea": "decode",
        "Nlmf": "INVALID_MSG_FORMAT",
        "CAMARA": "INVALID_ARGUMENT",
        "own": "BAD_REQUEST",
    }
    assert words[api] in json.dumps(content) and isinstance(refusal(content, "s"), InputError)


@given(seconds=st.floats(0, 1000))
def test_no_client_is_asked_to_come_back_too_early(seconds: float) -> None:
    headers = answered(PATHS["own"], Problem(503, "busy", retry_after=seconds))[1]
    assert int(headers["retry-after"]) >= max(seconds, 1)


class Tower(Counting):
    """One item of a list."""

    level: Annotated[float | None, Within(-156, -31, unit="dBm")] = None
    pci: Annotated[int | None, Within(0, 1007, whole=True)] = None
    name: str = ""


class Towers(Counting):
    """A body with a list of them."""

    towers: Annotated[list[Tower], EACH_VALID] = Kept()


@given(number=st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_is_kept_within_its_range_and_none_elsewhere(number: float) -> None:
    inside = -156 <= number <= -31
    assert Tower(level=number).level == (number if inside else None)
    text = Tower.model_validate({"level": str(number)}).level
    assert (text == number) if inside else text is None
    whole = Tower.model_validate({"pci": number}).pci
    assert whole == (int(number) if number in range(1008) else None)


@pytest.mark.parametrize("value", [None, "", "unknown", True, [], {}, "1e999", 2**63, -1, 1.5, "7.0x"])
def test_placeholders_are_none_and_spoil_nothing(value: Any) -> None:
    tower = Tower.model_validate({"pci": value, "level": -90, "name": "kept"})
    assert tower.pci is None and tower.level == -90 and tower.name == "kept"
    assert math.isnan(nan_if_none(tower.pci)) and nan_if_none(-90.0) == -90.0


@given(items=st.lists(st.sampled_from([{"level": -80}, {"name": 3}, 7, None, {"level": "x"}]), max_size=8))
def test_of_a_list_the_valid_items_stay_in_order_and_the_others_are_counted(items: list[Any]) -> None:
    body = Towers.model_validate({"towers": items})
    valid = [item for item in items if isinstance(item, dict) and "name" not in item]
    assert [tower.level for tower in body.towers] == [-80 if item["level"] == -80 else None for item in valid]
    assert body.dropped == len(items) - len(valid)


def test_no_list_is_refused_and_null_is_an_empty_one() -> None:
    assert Towers.model_validate({"towers": None}).towers == [] and Towers().dropped == 0
    for value in ("towers", 3, {"level": -80}):
        with pytest.raises(ValidationError):
            Towers.model_validate({"towers": value})


def test_documented_numbers_say_their_range_and_unit() -> None:
    properties = Tower.model_json_schema()["properties"]
    said = {"type": "number", "minimum": -156, "maximum": -31, "description": "in dBm"}
    assert said.items() <= properties["level"].items()
    assert properties["pci"]["type"] == "integer" and properties["pci"]["maximum"] == 1007


FRAME = GeoFrame(50.0, 8.0)


def answer(
    position: tuple[float, float], deviation: tuple[float, float], advance: float = math.nan
) -> Answer:
    """A Gaussian about a position, with one cell whose site is 150 m to the west of the middle."""
    grid = Grid(512.0, 4.0)
    mass = np.exp(-0.5 * (((grid.centres - position) / deviation) ** 2).sum(-1)).reshape(grid.shape)
    fix = Fix(np.array(position), np.diag(np.square(deviation)), mass / mass.sum(), grid, FRAME)
    measured = MeasuredCell("NR", 633333.0, 10.0, serving=True, rsrp=-80.0, timing_advance=advance)
    return Answer(fix, "town", (HeardCell(measured, Known.IDENTITY, (-150.0, 0.0)),))


POSITIONS = st.tuples(st.floats(-80, 80), st.floats(-80, 80))
DEVIATIONS = st.tuples(st.floats(8, 40), st.floats(8, 40))


def local(point: dict[str, float]) -> np.ndarray:
    return FRAME.to_local(np.array(point["lat"]), np.array(point["lon"]))


@settings(max_examples=20)
@given(position=POSITIONS, deviation=DEVIATIONS, confidence=st.integers(50, 95))
def test_every_shape_holds_its_confidence(
    position: tuple[float, float], deviation: tuple[float, float], confidence: int
) -> None:
    found = answer(position, deviation)
    circle = area_of(found, confidence, ["POINT_UNCERTAINTY_CIRCLE"])
    polygon = area_of(found, confidence, ["POLYGON"])
    assert circle is not None and polygon is not None and len(polygon["pointList"]) == CORNERS
    np.testing.assert_allclose(local(circle["point"]), position, atol=0.05)
    near = np.hypot(*(found.fix.grid.centres - position).T) <= circle["uncertainty"] + 0.05
    assert found.fix.heatmap.ravel()[near].sum() >= confidence / 100
    outline = Polygon([local(corner) for corner in polygon["pointList"]])
    inside = contains_xy(outline, *found.fix.grid.centres.T)
    assert found.fix.heatmap.ravel()[inside].sum() >= confidence / 100 - 0.01


@settings(max_examples=20)
@given(position=POSITIONS, deviation=DEVIATIONS)
def test_a_polygon_surrounds_its_ellipse(
    position: tuple[float, float], deviation: tuple[float, float]
) -> None:
    found = answer(position, deviation)
    polygon, ellipse = (area_of(found, 90, [name]) for name in ("POLYGON", "POINT_UNCERTAINTY_ELLIPSE"))
    assert polygon is not None and ellipse is not None
    axes = ellipse["uncertaintyEllipse"]
    assert axes["semiMajor"] >= axes["semiMinor"] > 0 and 0 <= axes["orientationMajor"] <= 180
    outline = ellipse_outline(found.fix.position, ellipse_at(found.fix, 0.9))
    around = Polygon([local(corner) for corner in polygon["pointList"]]).buffer(0.1)
    assert contains_xy(around, *outline.T).all()


@settings(max_examples=20)
@given(position=POSITIONS, deviation=DEVIATIONS, confidence=st.integers(50, 95))
def test_an_arc_is_written_in_the_steps_of_23_032_and_holds_no_less(
    position: tuple[float, float], deviation: tuple[float, float], confidence: int
) -> None:
    found = answer(position, deviation, advance=3.0)
    arc = area_of(found, confidence, None)
    assert arc is not None and arc["shape"] == "ELLIPSOID_ARC"
    exact = arc_about(found.fix, (-150.0, 0.0), confidence / 100)
    assert arc["innerRadius"] <= exact.inner
    assert arc["innerRadius"] + arc["uncertaintyRadius"] >= exact.inner + exact.width
    assert arc["innerRadius"] % 5 == 0 and 0 <= arc["offsetAngle"] < 360 and 0 < arc["includedAngle"] <= 360
    offset = found.fix.grid.centres - local(arc["point"])
    distance, compass = np.hypot(*offset.T), np.rad2deg(np.arctan2(offset[:, 0], offset[:, 1])) % 360
    inside = (distance >= arc["innerRadius"]) & (distance <= arc["innerRadius"] + arc["uncertaintyRadius"])
    inside &= (compass - arc["offsetAngle"]) % 360 <= arc["includedAngle"]
    assert found.fix.heatmap.ravel()[inside].sum() >= confidence / 100


def test_the_first_shape_that_a_client_supports_is_given() -> None:
    plain, ring = answer((0.0, 0.0), (20.0, 10.0)), answer((0.0, 0.0), (20.0, 10.0), advance=2.0)
    for name in SHAPES:
        shaped = area_of(plain, 80, [name])
        assert shaped is not None and shaped["shape"] == name
    first = [area_of(each, 80, None) for each in (plain, ring)]
    assert [each and each["shape"] for each in first] == ["POINT_UNCERTAINTY_ELLIPSE", "ELLIPSOID_ARC"]
    assert area_of(plain, 80, []) is None and area_of(plain, 80, ["LOCAL_2D_POINT"]) is None
    unknown = replace(ring, cells=(replace(ring.cells[0], site=None),))
    assert area_of(unknown, 80, ["ELLIPSOID_ARC"]) is None
