"""The service as a process: raylocus.Client asks it, slow and hostile clients meet it, a kill leaves nothing broken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import raylocus
from raylocus.errors import InputError, ServiceError
from raylocus.service.configuration import ServiceConfiguration
from raylocus.service.serving import serve
from service_fixtures import Served, levels_at, nr_scan, served, towers

#: Seconds that a client has to send its request in these tests.
REQUEST_TIME = 1.0
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)


@contextmanager
def running(place: Served, *options: str) -> Iterator[Running]:
    """`raylocus serve` on a free port, ready."""
    words = [str(folder) for folder in place.folders]
    words += ["--model", str(place.checkpoint), "--port", "0", "--request_time", str(REQUEST_TIME), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "raylocus", "serve", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = Running(process, line.strip().split()[-1])
        assert found.url.startswith("http://127.0.0.1:"), line
        with raylocus.Client(found.url) as client:
            while not client.ready():
                assert process.poll() is None
                time.sleep(0.05)
        yield found
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return served(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def service(place: Served) -> Iterator[Running]:
    with running(place, "--rate", "0") as found:
        yield found


@pytest.fixture
def scan(place: Served) -> dict[str, object]:
    return nr_scan(levels_at(place.places[0], 20.0, -10.0))


def test_the_client_locates(service: Running, scan: dict[str, object]) -> None:
    with raylocus.Client(service.url) as client:
        found = client.locate([scan], confidence=90, desired="mixture")
        assert found is not None and found.confidence == 90
        assert (round(found.latitude), round(found.longitude)) == (50, 8)
        assert found.radius == found.answer["location"]["accuracy"] and found.answer["mixture"]
        assert client.locate([{"nr": [{"localId": {"pci": 999}, "ss": {"rsrp": -80}}]}]) is None
        with pytest.raises(InputError, match="confidence"):
            client.locate([scan], confidence=10)


def test_the_client_speaks_every_dialect(service: Running, place: Served) -> None:
    levels = levels_at(place.places[0], 20.0, -10.0)
    device, foreign = {"phoneNumber": "+49301234567"}, {"localId": {"pci": 999}, "ss": {"rsrp": -80}}
    with raylocus.Client(service.url) as client:
        assert client.geolocate(towers(levels)) is not None and client.geolocate([]) is None
        client.geosubmit([{"position": {"latitude": 50.0, "longitude": 8.0}, "cellTowers": towers(levels)}])
        for key, reports in (("session/17", [nr_scan(levels)]), (device["phoneNumber"], [nr_scan(levels)])):
            client.announce(key, reports)
        found = client.determine_location(correlationID="session/17", supportedGADShapes=["POINT"])
        assert found is not None and found["locationEstimate"]["shape"] == "POINT"
        circle, located = client.retrieve_location(device, maxAge=60.0), client.locate([nr_scan(levels)])
        assert circle is not None and located is not None and circle.radius == located.radius
        inside = client.verify_location(device, circle.latitude, circle.longitude, circle.radius)
        assert inside == pytest.approx(0.95, abs=0.02)
        assert client.verify_location(device, 51.0, 8.0, 100.0) == 0.0
        client.announce("lost", [{"nr": [foreign]}])
        assert client.determine_location(correlationID="lost") is None
        client.forget("session/17")
        with pytest.raises(InputError, match="no measurements are announced"):
            client.determine_location(correlationID="session/17")
        with pytest.raises(InputError, match="not within 2 m²"):
            client.retrieve_location(device, maxSurface=2.0)


def test_the_client_says_when_nobody_answers() -> None:
    with raylocus.Client("http://127.0.0.1:9") as client:
        assert not client.ready()
        with pytest.raises(ServiceError, match="is the service running"):
            client.locate([])


def test_a_port_in_use_is_one_sentence(service: Running) -> None:
    with pytest.raises(InputError, match="choose another with --host and --port"):
        serve(FastAPI(), ServiceConfiguration(port=service.address[1]))


def answer_to(service: Running, parts: list[bytes], pause: float) -> bytes:
    """What the service sends to a client that sends its request in parts."""
    with socket.create_connection(service.address, timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        while more := connection.recv(4096):
            received += more
        return received


def test_slow_clients_are_let_go(service: Running) -> None:
    head = b"POST /v2/locate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    began = time.monotonic()
    # A head that never ends is closed; a body that never ends is answered.
    assert answer_to(service, [head[:20]], 0.0) == b""
    body = answer_to(service, [head + b"Connection: close\r\n\r\n{"], 0.0)
    assert body.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 5 * REQUEST_TIME
    assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_what_is_no_http_does_no_harm(service: Running) -> None:
    for junk in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n"):
        try:
            received = answer_to(service, [junk], 0.0)
        except ConnectionError:
            received = b""
        assert received == b"" or received.startswith(b"HTTP/1.1 4")
    assert httpx.get(f"{service.url}/healthz").status_code == 200


def test_requests_of_every_kind_are_answered_as_documented(service: Running) -> None:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=schema.as_strategy(generation_mode=mode))
        def asked(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS, timeout=10)

        asked()


def test_a_process_that_locates_is_replaced_when_it_is_killed(
    service: Running, scan: dict[str, object]
) -> None:
    with raylocus.Client(service.url) as client:
        before = client.locate([scan])
        for worker in workers(service):
            worker.kill()
        assert before is not None and client.locate([scan]) == before == client.locate([scan])


def workers(service: Running) -> list[psutil.Process]:
    """Its processes that locate, which another one has forked."""
    return [each for child in psutil.Process(service.process.pid).children() for each in child.children()]


def test_a_kill_under_load_breaks_nothing(place: Served, scan: dict[str, object], tmp_path: Path) -> None:
    store = ("--rate", "0", "--store", str(tmp_path / "kept"))
    item = {"timestamp": 1, "position": {"latitude": 50, "longitude": 8}, "cellTowers": [{"radioType": "nr"}]}
    # One client: each would read all certificates.
    with running(place, *store) as service, httpx.Client(base_url=service.url, timeout=5) as client:

        def submit(_: int) -> None:
            try:
                client.post("/v2/geosubmit", json={"items": [item] * 50})
                client.post("/v2/locate", json=scan)
            except httpx.HTTPError:
                pass

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(submit, number) for number in range(40)]
            while not list((tmp_path / "kept").rglob("[!.]*.json")):
                time.sleep(0.01)
            located = workers(service)
            service.process.send_signal(signal.SIGKILL)
            for each in asked:
                each.result()
        assert len(located) == 2 and not psutil.wait_procs(located, timeout=10)[1]
    with running(place, *store) as service, raylocus.Client(service.url) as asking:
        assert asking.locate([scan]) is not None
    for kept in (tmp_path / "kept").rglob("[!.]*.json"):
        assert kept.read_text().endswith("]}")
