"""How fast the service answers, what it does under more load than it can take, and whether its radii hold.

    python benchmarks/service_load.py places/town --model runs/demo/locator.ckpt

Simulates phones in radio worlds of the place, starts `raylocus serve` and asks it over loopback where they are. A load
is open: requests are sent at their times, whether or not earlier ones were answered, over at most `CONNECTIONS`
connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from service_process import Service, start

import raylocus
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.movement.mobility import MobilityConfiguration
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place

CONNECTIONS = 64


def observed(place: TracedPlace, phones: int, severity: float, seed: int) -> Reports:
    """Reports of phones, each quarter of them in a radio world of its own."""
    generator = np.random.default_rng(seed)
    parts = []
    for number in range(4):
        world = raylocus.sample_world(place.deployment, raylocus.WorldLaw(severity=severity), generator)
        channel = raylocus.WorldChannel(place, raylocus.world_radio_maps(place, world), world)
        walks = raylocus.sample_trajectories(
            place.geometry_maps, phones // 4, MobilityConfiguration(), generator
        )
        parts.append(raylocus.observe(channel, walks, NetworkConfiguration(), seed + number))
    return Reports.concatenate(parts)


def scan_of(reports: Reports, report: int, place: TracedPlace) -> dict[str, Any]:
    """A report as a body of `/v2/locate`."""
    start, stop = reports.token_offsets[report : report + 2].tolist()
    cells = [token for token in range(start, stop) if reports.beam[token] < 0]
    # The serving cell first.
    cells.sort(key=lambda token: not reports.serving[token])
    serving, *others = [nr_cell(reports, token, place) for token in cells]
    column = reports.feature_names.index("l1_rsrp")
    beams = [
        {"ssb": int(reports.beam[token]), "rsrp": float(reports.features[token, column])}
        for token in range(start, stop)
        if reports.beam[token] >= 0 and not np.isnan(reports.features[token, column])
    ]
    neighbours = [{**cell["localId"], "ss": cell["ss"]} for cell in others]
    return {"time": float(reports.time[report]), "nr": [{**serving, "beams": beams, "nmr": neighbours}]}


def nr_cell(reports: Reports, token: int, place: TracedPlace) -> dict[str, Any]:
    """A token as a cell of `/v2/locate`."""
    values = dict(zip(reports.feature_names, reports.features[token].tolist(), strict=True))
    local = {"pci": int(reports.pci[token])}
    if reports.channel[token] >= 0:
        local["nrarfcn"] = int(reports.channel[token])
    cell: dict[str, Any] = {
        "localId": local,
        "ss": {name: values[name] for name in ("rsrp", "rsrq", "sinr") if not np.isnan(values[name])},
    }
    if not np.isnan(values["timing_advance"]):
        cell |= {"ta": values["timing_advance"], "scs": 15 * 2**place.deployment.carrier.numerology}
    return cell


def bodies(reports: Reports, place: TracedPlace) -> list[dict[str, Any]]:
    """One body a sequence, with all of its reports."""
    found = []
    for first, stop in zip(reports.report_offsets[:-1], reports.report_offsets[1:], strict=True):
        found.append({"reports": [scan_of(reports, report, place) for report in range(first, stop)]})
    return found


@dataclass(frozen=True)
class Load:
    """What came of a load."""

    seconds: np.ndarray
    """Of each answered request."""
    answered: int
    shed: int
    others: int
    span: float
    """From the first request to the last answer [s]."""

    def row(self, name: str) -> str:
        """A line of the table."""
        p50, p99 = np.percentile(1e3 * self.seconds, (50, 99)) if len(self.seconds) else (np.nan, np.nan)
        rate = self.answered / self.span
        return (
            f"| {name} | {self.answered} | {self.shed} | {self.others} | {rate:.0f} | {p50:.1f} | {p99:.1f} |"
        )


async def load(url: str, asked: list[dict[str, Any]], rate: float, count: int) -> Load:
    """So many requests at a rate a second; at rate 0 one after the other.

    The generator is plain sockets and bytes made beforehand: on two cores it must not take what it measures.
    """
    host, port = url.removeprefix("http://").split(":")
    requests = [request_of(body, host) for body in asked]
    times: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
    answers: list[tuple[int, float]] = []
    turns = asyncio.Semaphore(1)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while True:
            number, due = await times.get()
            if number < 0:
                break
            writer.write(requests[number % len(requests)])
            status = await answered(reader)
            answers.append((status, time.perf_counter() - due))
            turns.release()
        writer.close()

    # The service closes a connection that sends nothing for five seconds: at a low rate a few are enough.
    most = min(CONNECTIONS, max(1, round(rate)))
    connections = [asyncio.create_task(connection()) for _ in range(most)]
    began = time.perf_counter()
    for number in range(count):
        if rate:
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        else:
            await turns.acquire()
        times.put_nowait((number, began + number / rate if rate else time.perf_counter()))
    for _ in connections:
        times.put_nowait((-1, 0.0))
    await asyncio.gather(*connections)
    span = time.perf_counter() - began
    seconds = np.array([seconds for status, seconds in answers if status == 200])
    shed = sum(status == 503 for status, _ in answers)
    return Load(seconds, len(seconds), shed, len(answers) - shed - len(seconds), span)


def request_of(body: dict[str, Any], host: str) -> bytes:
    """The bytes of a request."""
    content = json.dumps(body).encode()
    head = f"POST /v2/locate HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def answered(reader: asyncio.StreamReader) -> int:
    """The status of an answer, which is read whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(None, 2)[1])


def coverage(url: str, asked: list[dict[str, Any]], reports: Reports, place: TracedPlace) -> str:
    """Share of the phones within the radius of each confidence."""
    truth = reports.position[reports.last_report, :2]
    cells = []
    with httpx.Client(base_url=url, timeout=30) as client:
        for confidence in (50, 68, 90, 95):
            held = []
            for body, position in zip(asked, truth, strict=True):
                answer = client.post("/v2/locate", json=body, params={"confidence": confidence})
                if answer.status_code == 200:
                    found = answer.json()["location"]
                    where = place.frame.to_local(found["lat"], found["lng"])
                    held.append(np.linalg.norm(where - position) <= answer.json()["radius"])
            cells.append(f"{confidence} %: {np.mean(held):.1%} of {len(held)}")
    return ", ".join(cells)


def soak(service: Service, asked: list[dict[str, Any]], rate: float, seconds: float) -> None:
    """The resident memory and what came of a steady load, ten times over its length."""
    print(f"\nsoak of {seconds:g} s at {rate:g} requests a second, from {service.memory:.0f} MB")
    for part in range(1, 11):
        found = asyncio.run(load(service.url, asked, rate, max(1, round(rate * seconds / 10))))
        print(f"{part * seconds / 10:.0f} s: {service.memory:.0f} MB, {found.answered} answered", flush=True)


def kill_under_load(service: Service, asked: list[dict[str, Any]]) -> None:
    """Ends the process while it answers."""
    threading.Timer(1.0, service.process.kill).start()
    try:
        asyncio.run(load(service.url, asked, 50.0, 500))
    except (ConnectionError, asyncio.IncompleteReadError):
        service.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--phones", type=int, default=200)
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rates", type=float, nargs="*", default=[20.0, 50.0, 150.0, 600.0])
    parser.add_argument("--soak", type=float, default=0.0, help="seconds of steady load at the end")
    parser.add_argument("--soak_rate", type=float, default=10.0, help="its requests a second")
    parser.add_argument("--options", default="", help="of raylocus serve, such as '--processes 1 --batch 16'")
    given = parser.parse_args()
    place = open_place(given.place)
    reports = observed(place, given.phones, given.severity, given.seed)
    asked = bodies(reports, place)
    service = start(given, given.options.split())
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {len(asked)} phones")
    print(f"ready after {service.readiness}, {service.memory:.0f} MB")
    print(
        "| load | answered | shed | other | answers/s | p50 / ms | p99 / ms |\n|---|---|---|---|---|---|---|"
    )
    asyncio.run(load(service.url, asked, 0.0, 20))
    before = np.array(service.processor_times)
    alone = asyncio.run(load(service.url, asked, 0.0, given.requests))
    listening, locating = 1e3 * (np.array(service.processor_times) - before) / given.requests
    print(alone.row("one after the other"), flush=True)
    for rate in given.rates:
        print(
            asyncio.run(load(service.url, asked, rate, given.requests)).row(f"{rate:g} a second"), flush=True
        )
    print(
        f"\nprocessor time of a request alone: {locating:.1f} ms to locate, {listening:.1f} ms for all else; "
        f"{service.memory:.0f} MB after all"
    )
    print(f"radii hold: {coverage(service.url, asked, reports, place)}")
    if given.soak:
        soak(service, asked, given.soak_rate, given.soak)
    kill_under_load(service, asked)
    again = start(given, given.options.split())
    print(f"ready again after {again.readiness}, killed under load")
    again.process.kill()


if __name__ == "__main__":
    main()
