"""The service by HTTP: every dialect answers and refuses in its own words, and one bad tower spoils nothing."""

from __future__ import annotations

import gzip
import json
import logging
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from raylocus.geo import GeoFrame
from raylocus.service.answers import Answer
from raylocus.service.area_engine import AreaEngine
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.engine import Engine
from raylocus.service.http.app import create_app
from raylocus.service.http.rich_request import Measurements, question_of_measurements
from raylocus.service.http.watch import LOGGER
from service_fixtures import CHANNEL, ORIGIN, Served, area_of, levels_at, nr_scan, served, towers

WHERE = (20.0, -10.0)
NOT_FOUND = (
    b'{"error":{"errors":[{"domain":"geolocation","reason":"notFound","message":"Not found"}],"code":404,'
    b'"message":"Not found"}}'
)


@contextmanager
def started(engine: Engine, configuration: ServiceConfiguration) -> Iterator[TestClient]:
    """A service that is ready."""
    with TestClient(create_app(engine, configuration)) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.01)
        yield client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def client(place: Served) -> Iterator[TestClient]:
    with started(place.engine(), ServiceConfiguration(rate=0.0)) as client:
        yield client


@pytest.fixture(scope="module")
def levels(place: Served) -> dict[int, float]:
    return levels_at(place.places[0], *WHERE)


def metres(frame: GeoFrame, latitude: float, longitude: float) -> np.ndarray:
    return frame.to_local(latitude, longitude)


def test_geolocate_answers_in_ichnaeas_bytes(client: TestClient, levels: dict[int, float]) -> None:
    answer = client.post("/v1/geolocate", json={"cellTowers": towers(levels)})
    assert answer.status_code == 200
    assert re.fullmatch(
        rb'\{"location":\{"lat":(50\.00|49\.99)\d+,"lng":(8\.00|7\.99)\d+\},"accuracy":\d+\.\d\}',
        answer.content,
    )
    found = answer.json()
    where = metres(ORIGIN, found["location"]["lat"], found["location"]["lng"])
    assert np.linalg.norm(where - WHERE) < found["accuracy"] < 130


def test_a_bad_tower_changes_nothing(client: TestClient, levels: dict[int, float]) -> None:
    good = towers(levels)
    junk: list[Any] = [5, None, "tower", {}, {"radioType": "nr"}, {"radioType": "gsm", "cellId": 4}]
    android = {"radioType": "nr", "psc": 2147483647, "signalStrength": -90, "arfcn": CHANNEL}
    broken = {"radioType": "nr", "psc": "x", "signalStrength": {"a": 1}, "timingAdvance": True}
    plain = client.post("/v1/geolocate", json={"cellTowers": good}).json()
    spoiled = client.post("/v1/geolocate", json={"cellTowers": [android, *junk, *good, broken]})
    assert spoiled.json() == plain
    explained = client.post("/v1/geolocate?explain=true", json={"cellTowers": [*junk, *good]}).json()
    assert explained["raylocus"]["droppedTowers"] == 3
    assert explained["raylocus"]["knownCells"] == len(good)


def test_dialects_of_ichnaea_say_the_same(client: TestClient, levels: dict[int, float]) -> None:
    good = towers(levels)
    plain = client.post("/v1/geolocate", json={"cellTowers": good}).json()
    renamed = [
        {key: value for key, value in tower.items() if key not in ("psc", "radioType")}
        | {"primaryScramblingCode": tower["psc"]}
        for tower in good
    ]
    assert client.post("/v1/geolocate", json={"radioType": "nr", "cellTowers": renamed}).json() == plain
    asu = [tower | {"signalStrength": None, "asu": tower["signalStrength"] + 140} for tower in good]
    assert client.post("/v1/geolocate", json={"cellTowers": asu}).json() == plain
    packed = gzip.compress(json.dumps({"cellTowers": good}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    assert client.post("/v1/geolocate", content=packed, headers=headers).json() == plain


def test_ages_make_a_sequence_and_old_towers_are_left_out(
    client: TestClient, levels: dict[int, float]
) -> None:
    good = towers(levels)
    plain = client.post("/v1/geolocate", json={"cellTowers": good}).json()
    stale = [tower | {"age": 600_000, "signalStrength": -60} for tower in good]
    assert client.post("/v1/geolocate", json={"cellTowers": [*stale, *good]}).json() == plain
    recent = [tower | {"age": 2000} for tower in good]
    assert client.post("/v1/geolocate", json={"cellTowers": [*recent, *good]}).json() != plain


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"cellTowers":[]}', b'{"considerIp":true,"wifiAccessPoints":[]}']
)
def test_nothing_to_locate_is_ichnaeas_not_found(client: TestClient, content: bytes) -> None:
    answer = client.post("/v1/geolocate", content=content)
    assert (answer.status_code, answer.content) == (404, NOT_FOUND)


#: Every field that ichnaea's documentation of geolocate has.
ICHNAEA: dict[str, Any] = {
    "carrier": "Telecom",
    "considerIp": True,
    "homeMobileCountryCode": 208,
    "homeMobileNetworkCode": 1,
    "bluetoothBeacons": [
        {"macAddress": "ff:23:45:67:89:ab", "age": 2000, "name": "beacon", "signalStrength": -110}
    ],
    "cellTowers": [
        {"radioType": radio, "mobileCountryCode": 208, "mobileNetworkCode": 1, "locationAreaCode": 2}
        | {"cellId": 1234567, "age": 1, "psc": 3, "signalStrength": -60, "timingAdvance": 1}
        for radio in ("gsm", "wcdma", "lte", "cdma")
    ],
    "wifiAccessPoints": [
        {"macAddress": "01:23:45:67:89:ab", "age": 3, "channel": 11, "frequency": 2412}
        | {"signalStrength": -51, "signalToNoiseRatio": 13, "ssid": "net"}
    ],
    "fallbacks": {"lacf": True, "ipf": True},
}


def test_all_that_ichnaea_documents_is_read_and_disturbs_nothing(
    client: TestClient, levels: dict[int, float]
) -> None:
    answer = client.post("/v1/geolocate?key=test", json=ICHNAEA)
    assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    plain = client.post("/v1/geolocate", json={"cellTowers": towers(levels)}).json()
    also = ICHNAEA | {"cellTowers": [tower | {"age": 1} for tower in towers(levels)] + ICHNAEA["cellTowers"]}
    assert client.post("/v1/geolocate?key=test", json=also).json()["location"] == plain["location"]
    wrong = client.post("/v1/geolocate", json=ICHNAEA | {"wifiAccessPoints": {}})
    assert wrong.json()["error"]["errors"][0]["reason"] == "parseError" and wrong.status_code == 400


def test_unknown_cells_are_not_guessed(client: TestClient, levels: dict[int, float]) -> None:
    for changed in ({"psc": 990}, {"arfcn": 627264}, {"radioType": "lte", "arfcn": 1300}):
        foreign = [tower | changed for tower in towers(levels)][:1]
        answer = client.post("/v1/geolocate", json={"cellTowers": foreign})
        assert (answer.status_code, answer.content) == (404, NOT_FOUND)
    alone = [{"radioType": "nr", "psc": towers(levels)[0]["psc"], "signalStrength": -70}]
    assert client.post("/v1/geolocate", json={"cellTowers": alone}).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "decode"),
        (b"\xff\xfe", "decode"),
        (b"[" * 20_000, "decode"),
        (b'{"cellTowers":' + b"9" * 5000 + b"}", "decode"),
        (b"[1]", "validation"),
        (b'{"cellTowers":"all"}', "validation"),
    ],
)
def test_what_cannot_be_parsed_is_ichnaeas_parse_error(client: TestClient, content: bytes, kind: str) -> None:
    answer = client.post("/v1/geolocate", content=content)
    error = answer.json()["error"]
    assert answer.status_code == error["code"] == 400
    assert error["errors"] == [{"domain": "global", "reason": "parseError", "message": "Parse Error"}]
    assert list(error["details"]) == [kind]


@pytest.mark.parametrize(
    ("path", "field", "word"),
    [
        ("/v2/locate", "code", "BAD_REQUEST"),
        ("/nlmf-loc/v1/determine-location", "cause", "INVALID_MSG_FORMAT"),
        ("/location-retrieval/v0.5/retrieve", "code", "INVALID_ARGUMENT"),
    ],
)
def test_what_cannot_be_parsed_has_the_word_of_each_api(
    client: TestClient, path: str, field: str, word: str
) -> None:
    assert client.post(path, content=b"{").json()[field] == word


def test_locate_says_what_it_rests_on(client: TestClient, levels: dict[int, float]) -> None:
    body = nr_scan(levels | {990: -100})
    answer = client.post("/v2/locate?confidence=90&desired=mixture,heatmap", json=body).json()
    assert answer["confidence"] == 90 and answer["radius"] == answer["location"]["accuracy"]
    assert answer["ellipse"]["semiMajor"] >= answer["ellipse"]["semiMinor"] > 0
    assert answer["unknownCells"] == 1 and answer["dropped"] == 0
    by_pci = {cell["pci"]: cell for cell in answer["evidence"]["cells"]}
    assert by_pci[990]["knownBy"] == "unknown" and "residual" not in by_pci[990]
    known = [cell for cell in by_pci.values() if cell["knownBy"] == "channel"]
    assert len(known) == len(levels)
    for cell in known:
        assert cell["residual"] == pytest.approx(cell["rsrp"] - cell["mappedRsrp"], abs=0.11)
    assert sum(part["weight"] for part in answer["mixture"]) == pytest.approx(1, abs=1e-3)
    assert sum(cell[2] for cell in answer["heatmap"]["cells"]) == pytest.approx(
        answer["heatmap"]["share"], abs=1e-3
    )
    wider = client.post("/v2/locate?confidence=99", json=body).json()
    assert wider["radius"] > answer["radius"] and "mixture" not in wider


def test_several_reports_locate_the_last(client: TestClient, place: Served) -> None:
    first, last = (nr_scan(levels_at(place.places[0], x, 0.0), t) for x, t in ((-30.0, 0.0), (-20.0, 2.0)))
    together = client.post("/v2/locate", json={"reports": [last, first]})
    alone = client.post("/v2/locate", json=last)
    assert together.status_code == alone.status_code == 200
    assert together.json()["evidence"]["cells"][0]["pci"] == alone.json()["evidence"]["cells"][0]["pci"]
    assert together.json()["location"] != alone.json()["location"]


def test_an_empty_handed_locate_says_why(client: TestClient) -> None:
    answer = client.post("/v2/locate", json={"nr": [{"localId": {"pci": 990}, "ss": {"rsrp": -80}}]})
    assert answer.status_code == 404
    assert answer.json()["code"] == "UNKNOWN_CELLS"
    assert answer.json()["unknownCells"][0]["pci"] == 990
    assert client.post("/v2/locate", json={}).json()["code"] == "NO_CELLS"


@pytest.mark.parametrize("query", ["confidence=49", "confidence=100", "confidence=x"])
def test_confidence_is_from_50_to_99(client: TestClient, levels: dict[int, float], query: str) -> None:
    answer = client.post(f"/v2/locate?{query}", json=nr_scan(levels))
    assert answer.status_code == answer.json()["status"] == 400
    assert set(answer.json()) == {"title", "status", "code", "cause"}


def test_geojson_is_asked_for_by_accept(client: TestClient, levels: dict[int, float]) -> None:
    answer = client.post("/v2/locate", json=nr_scan(levels), headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    point, circle, ellipse = answer.json()["features"]
    assert point["geometry"]["type"] == "Point" and point["properties"]["confidence"] == 95
    for region in (ellipse, circle):
        (ring,) = region["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
    ring = np.array(circle["geometry"]["coordinates"][0])
    longitude, latitude = point["geometry"]["coordinates"]
    radii = [
        np.linalg.norm(metres(ORIGIN, lat, lng) - metres(ORIGIN, latitude, longitude)) for lng, lat in ring
    ]
    assert radii == pytest.approx([point["properties"]["radius"]] * len(radii), abs=0.1)


def test_nlmf_answers_announced_measurements(client: TestClient, levels: dict[int, float]) -> None:
    asked = {"correlationID": "loc-1", "locationQoS": {"hAccuracy": 1.0}, "ncgi": {"nrCellId": "000000001"}}
    missing = client.post("/nlmf-loc/v1/determine-location", json=asked)
    assert missing.status_code == 404 and missing.json()["cause"] == "CONTEXT_NOT_FOUND"
    assert missing.headers["content-type"] == "application/problem+json"
    assert client.put("/raylocus/v1/measurements/loc-1", json=nr_scan(levels)).status_code == 204
    answer = client.post("/nlmf-loc/v1/determine-location", json=asked).json()
    area = answer["locationEstimate"]
    assert area["shape"] == "POINT_UNCERTAINTY_ELLIPSE" and area["confidence"] == 95
    assert answer["accuracyFulfilmentIndicator"] == "REQUESTED_ACCURACY_NOT_FULFILLED"
    assert answer["positioningDataList"][0]["method"] == "NR_ECID"
    asked["locationQoS"] = {"hAccuracy": 1000.0}
    fulfilled = client.post("/nlmf-loc/v1/determine-location", json=asked).json()
    assert fulfilled["accuracyFulfilmentIndicator"] == "REQUESTED_ACCURACY_FULFILLED"
    assert client.delete("/raylocus/v1/measurements/loc-1").status_code == 204
    assert client.post("/nlmf-loc/v1/determine-location", json=asked).status_code == 404


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ("POINT", {"point"}),
        ("POINT_UNCERTAINTY_CIRCLE", {"point", "uncertainty"}),
        ("POLYGON", {"pointList"}),
        (
            "ELLIPSOID_ARC",
            {"point", "innerRadius", "uncertaintyRadius", "offsetAngle", "includedAngle", "confidence"},
        ),
    ],
)
def test_nlmf_keeps_to_the_supported_shapes(
    client: TestClient, levels: dict[int, float], shape: str, fields: set[str]
) -> None:
    asked = {"supportedGADShapes": ["LOCAL_2D_POINT_UNCERTAINTY_ELLIPSE", shape]}
    body = asked | {"raylocusMeasurements": nr_scan(levels)}
    area = client.post("/nlmf-loc/v1/determine-location", json=body).json()["locationEstimate"]
    assert set(area) == fields | {"shape"} and area["shape"] == shape


def test_nlmf_answers_one_timed_cell_with_an_arc(client: TestClient, levels: dict[int, float]) -> None:
    alone = dict(list(levels.items())[:1])
    shapes = {"supportedGADShapes": ["POINT_UNCERTAINTY_ELLIPSE", "ELLIPSOID_ARC"]}
    for heard, shape in ((alone, "ELLIPSOID_ARC"), (levels, "POINT_UNCERTAINTY_ELLIPSE")):
        body = {**shapes, "raylocusMeasurements": nr_scan(heard)}
        answer = client.post("/nlmf-loc/v1/determine-location", json=body)
        assert answer.json()["locationEstimate"]["shape"] == shape


def test_nlmf_refuses_shapes_that_it_has_not(client: TestClient, levels: dict[int, float]) -> None:
    body = {"supportedGADShapes": ["POINT_ALTITUDE"], "raylocusMeasurements": nr_scan(levels)}
    answer = client.post("/nlmf-loc/v1/determine-location", json=body)
    assert (answer.status_code, answer.json()["cause"]) == (400, "OPTIONAL_IE_INCORRECT")
    nameless = {"correlationID": "", "raylocusMeasurements": nr_scan(levels)}
    assert client.post("/nlmf-loc/v1/determine-location", json=nameless).status_code == 200
    both = {"ecgi": {}, "ncgi": {}}
    assert client.post("/nlmf-loc/v1/determine-location", json=both).status_code == 400


def test_camara_retrieves_and_verifies(client: TestClient, levels: dict[int, float]) -> None:
    device = {"device": {"phoneNumber": "+491234567"}}
    unknown = client.post("/location-retrieval/v0.5/retrieve", json=device)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "IDENTIFIER_NOT_FOUND")
    client.put("/raylocus/v1/measurements/+491234567", json=nr_scan(levels))
    answer = client.post("/location-retrieval/v0.5/retrieve", json=device, headers={"x-correlator": "a-1"})
    assert answer.headers["x-correlator"] == "a-1"
    for correlator in ("", "urn:a_1/<{2}>;." + "b" * 241):
        other = client.post(
            "/location-retrieval/v0.5/retrieve", json=device, headers={"x-correlator": correlator}
        )
        assert other.status_code == 200 and other.headers.get("x-correlator", "") == correlator
    lost = client.post("/location-retrieval/v0.5/retrieve", json={}, headers={"x-correlator": "a-1"})
    assert lost.status_code == 422 and lost.headers["x-correlator"] == "a-1"
    odd = client.post("/location-retrieval/v0.5/retrieve", json={}, headers={"x-correlator": "a 1"})
    assert odd.status_code == 400 and "x-correlator" not in odd.headers
    circle = answer.json()["area"]
    assert circle["areaType"] == "CIRCLE" and circle["radius"] >= 1
    small = client.post("/location-retrieval/v0.5/retrieve", json=device | {"maxSurface": 2})
    assert (small.status_code, small.json()["code"]) == (
        422,
        "LOCATION_RETRIEVAL.UNABLE_TO_FULFILL_MAX_SURFACE",
    )
    rates = {}
    for radius in (circle["radius"], 1000.0):
        asked = device | {"area": {**circle, "radius": radius}}
        rates[radius] = client.post("/location-verification/v3/verify", json=asked).json()
    assert rates[circle["radius"]]["verificationResult"] == "PARTIAL"
    assert rates[circle["radius"]]["matchRate"] == pytest.approx(95, abs=1)
    assert rates[1000.0]["verificationResult"] == "TRUE" and "matchRate" not in rates[1000.0]
    away = device | {"area": {**circle, "center": {"latitude": 51.0, "longitude": 8.0}}}
    answer = client.post("/location-verification/v3/verify", json=away).json()
    assert answer["verificationResult"] == "FALSE"


def test_geosubmit_is_checked_and_forgotten_unless_it_is_to_be_kept(
    place: Served, levels: dict[int, float], tmp_path: Path
) -> None:
    item = {
        "timestamp": 1.7e12,
        "position": {"latitude": 50.0, "longitude": 8.0},
        "cellTowers": towers(levels),
    }
    for store in (None, tmp_path / "kept"):
        configuration = ServiceConfiguration(store=store)
        with started(place.engine(), configuration) as client:
            answer = client.post("/v2/geosubmit", json={"items": [item]})
            assert (answer.status_code, answer.content) == (200, b"{}")
            assert client.post("/v2/geosubmit", json={"items": 3}).status_code == 400
    (kept,) = tmp_path.rglob("*.json")
    assert json.loads(kept.read_text()) == {"items": [item]}


def test_large_bodies_are_refused_packed_or_not(client: TestClient) -> None:
    for content, headers in (
        (b" " * 30_001, {}),
        (gzip.compress(b" " * 30_001), {"Content-Encoding": "gzip"}),
        (gzip.compress(b"\0" * 50_000_000), {"Content-Encoding": "gzip"}),
    ):
        answer = client.post("/v2/locate", content=content, headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
    assert client.post("/v2/locate", content=b"x", headers={"Content-Encoding": "gzip"}).status_code == 400
    assert client.post("/v2/locate", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415


def test_keys_are_asked_for_in_the_words_of_each_api(place: Served, tmp_path: Path) -> None:
    key = "0123456789abcdef-key"
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{key}\n")
    configuration = ServiceConfiguration(key_file=file)
    with started(place.engine(), configuration) as client:
        without = client.post("/v1/geolocate?key=wrong", json={})
        assert without.status_code == 400
        assert without.json()["error"]["errors"][0]["reason"] == "keyInvalid"
        assert client.post("/v2/locate", json={}).status_code == 401
        assert client.post("/nlmf-loc/v1/determine-location", json={}).json()["cause"] == "UNAUTHORIZED"
        assert client.post("/location-retrieval/v0.5/retrieve", json={}).json()["code"] == "UNAUTHENTICATED"
        assert client.get("/metrics").status_code == 401
        assert client.get("/healthz").status_code == 200
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}):
            assert client.post("/v2/locate", json={}, headers=headers).status_code == 404
        assert client.post(f"/v2/locate?apiKey={key}", json={}).status_code == 404


def test_one_client_cannot_ask_without_end(place: Served) -> None:
    with started(place.engine(), ServiceConfiguration(rate=2.0)) as client:
        answers = [client.post("/v2/locate", json={}) for _ in range(6)]
        assert [answer.status_code for answer in answers[:4]] == [404] * 4
        assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200


def test_logs_and_counters_name_nobody(
    client: TestClient, levels: dict[int, float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, LOGGER.name):
        client.put("/raylocus/v1/measurements/+499876543210", json=nr_scan(levels))
        answer = client.post("/v2/locate", json=nr_scan(levels)).json()
        client.get("/v1/nothing/+499876543210?key=secret")
    text = caplog.text + client.get("/metrics").text
    assert '"route": "/v2/locate"' in text and 'route="/v2/locate"' in text
    for private in ("499876543210", "secret", f"{answer['location']['lat']}", "127.0.0.1", "testclient"):
        assert private not in text


def test_a_fault_is_a_plain_500_and_its_message_is_not_logged(
    place: Served, levels: dict[int, float], caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty:
        areas = ("none",)

        def folder(self, area: str) -> None:
            return None

        def warm(self) -> None:
            pass

        def learn(self, submitted: Any) -> None:
            pass

        def answer(self, questions: Any) -> Any:
            raise ZeroDivisionError("/home/operator/places")

    with started(Faulty(), ServiceConfiguration()) as client, caplog.at_level(logging.INFO, LOGGER.name):
        answer = client.post("/v2/locate", json=nr_scan(levels))
    assert answer.status_code == 500 and "operator" not in answer.text
    assert "ZeroDivisionError" in caplog.text and "operator" not in caplog.text


def test_no_origin_is_let_in_by_cors(client: TestClient) -> None:
    answer = client.options(
        "/v2/locate", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_cells_of_two_areas_are_not_guessed(tmp_path: Path) -> None:
    two = served(tmp_path, seeds=(1, 2))
    with started(two.engine(), ServiceConfiguration()) as client:
        levels = levels_at(two.places[0], *WHERE)
        answer = client.post("/v2/locate", json=nr_scan(levels))
        # Both towns have the same PCIs on the same channel.
        assert answer.status_code == 404 and answer.json()["code"] == "SEVERAL_AREAS"
        page = client.get("/").text
        assert '<a href="/areas/town-1">' in page and '<a href="/areas/town-2">' in page


def test_what_cannot_be_shown_is_no_fault_and_names_no_file(tmp_path: Path) -> None:
    one = served(tmp_path)
    with started(one.engine(), ServiceConfiguration()) as client:
        assert client.get("/areas/nowhere").status_code == 404
        (one.folders[0] / "place.json").unlink()
        answer = client.get("/")
        assert answer.status_code == 404 and str(tmp_path) not in answer.text


def test_one_page_is_made_at_a_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def slow(folder: Path) -> bytes:
        made.append(1)
        time.sleep(0.02)
        at_once.append(sum(made))
        made.pop()
        return gzip.compress(b"page")

    at_once: list[int] = []
    monkeypatch.setattr("raylocus.service.http.viewer.packed_page", slow)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(client.get, ["/"] * 8))
    assert [answer.text for answer in answers] == ["page"] * 8 and at_once == [1] * 8


def test_in_an_area_the_sites_alone_locate(place: Served, levels: dict[int, float], tmp_path: Path) -> None:
    area = area_of(place, tmp_path / "region")
    with started(AreaEngine.load([area], None, 1e12), ServiceConfiguration()) as client:
        answer = client.post("/v2/locate", json=nr_scan(levels)).json()
        where = metres(ORIGIN, answer["location"]["lat"], answer["location"]["lng"])
        assert np.linalg.norm(where - WHERE) < answer["radius"]
        assert {cell["knownBy"] for cell in answer["evidence"]["cells"]} == {"channel"}
        assert not any("residual" in cell for cell in answer["evidence"]["cells"])


def test_what_others_ask_at_the_same_time_makes_no_difference(
    place: Served, levels: dict[int, float], tmp_path: Path
) -> None:
    fewer = dict(list(levels.items())[:2])
    question, other = (
        question_of_measurements(Measurements.model_validate(nr_scan(heard))) for heard in (levels, fewer)
    )
    for engine in (place.engine(), AreaEngine.load([area_of(place, tmp_path / "region")], None, 1e12)):
        (alone,), (together, _) = engine.answer([question]), engine.answer([question, other])
        assert isinstance(alone, Answer) and isinstance(together, Answer)
        assert alone.fix.heatmap == pytest.approx(together.fix.heatmap, abs=1e-6)
        assert alone.fix.fit == pytest.approx(together.fix.fit)
