"""What the service answers to requests that are broken or mean it no good, and the processor time that each costs it.

python benchmarks/service_hostile.py places/town
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service_process import start

from raylocus.propagation.maps.traced_place import TracedPlace, open_place

#: Requests of each kind.
REPEATS = 5
LOCATE, GEOLOCATE = "/v2/locate", "/v1/geolocate"
NLMF = "/nlmf-loc/v1/determine-location"
VERIFY, RETRIEVE = "/location-verification/v3/verify", "/location-retrieval/v0.5/retrieve"


def nr_arfcn(frequency: float) -> int:
    """The channel number nearest to a frequency [Hz] below 24.25 GHz (TS 38.104 §5.4.2.1)."""
    return round(frequency / 5e3) if frequency < 3e9 else 600_000 + round((frequency - 3e9) / 15e3)


def cell(pci: int, channel: int) -> dict[str, Any]:
    return {"localId": {"pci": pci, "nrarfcn": channel}, "ss": {"rsrp": -71}}


def kinds(place: TracedPlace) -> Iterator[tuple[str, str, bytes, str]]:
    """Name, path, body, further lines of the head."""
    pcis, channel = place.deployment.pcis.tolist(), nr_arfcn(place.deployment.carrier.frequency)
    heard = cell(pcis[0], channel)
    yield "no JSON", LOCATE, b"{", ""
    yield "20,000 brackets", LOCATE, b"[" * 20_000, ""
    yield "a number of 5000 digits", GEOLOCATE, b'{"cellTowers":' + b"9" * 5000 + b"}", ""
    yield "30,001 bytes", LOCATE, b" " * 30_001, ""
    packed = gzip.compress(b"\0" * 50_000_000)
    yield "50 MB, packed", LOCATE, packed, "Content-Encoding: gzip\r\n"
    yield "9000 cells that cannot be read", LOCATE, json.dumps({"nr": [5] * 9000}).encode(), ""
    many = [{"pci": pci % 1008, "ss": {"rsrp": -71}} for pci in range(700)]
    yield "700 neighbours", LOCATE, json.dumps({"nr": [{**heard, "nmr": many}]}).encode(), ""
    beams = [{"ssb": ssb % 64, "rsrp": -71} for ssb in range(1100)]
    yield "1100 beams", LOCATE, json.dumps({"nr": [{**heard, "beams": beams}]}).encode(), ""
    long = [{"time": time, "nr": [heard]} for time in range(256)]
    yield "256 reports", LOCATE, json.dumps({"reports": long}).encode(), ""
    some = [{"nr": [cell(pci, channel) for pci in pcis]} for _ in range(30)]
    yield "30 reports of all cells", LOCATE, json.dumps({"reports": some}).encode(), ""
    yield "all cells, heatmap", f"{LOCATE}?desired=heatmap,mixture", json.dumps(some[0]).encode(), ""
    wide = {"center": {"latitude": 0, "longitude": 0}, "radius": 1e7, "areaType": "CIRCLE"}
    asked = {"area": wide, "raylocusMeasurements": some[0]}
    yield "a circle as large as the Earth", VERIFY, json.dumps(asked).encode(), ""
    yield "a head of 15 kB", LOCATE, b"{}", f"X-Long: {'x' * 15_000}\r\n"
    yield "200 lines in the head", LOCATE, b"{}", "".join(f"X-{n}: 1\r\n" for n in range(200))
    yield "an unknown path of 8 kB", "/" + "a" * 8000, b"{}", ""
    yield from refused(some[0])


def refused(heard: dict[str, Any]) -> Iterator[tuple[str, str, bytes, str]]:
    """What each API refuses in its own words."""
    yield "no JSON", GEOLOCATE, b"{", ""
    yield "no JSON", NLMF, b"{", ""
    yield "no JSON", RETRIEVE, b"{", ""
    foreign = {"radioType": "nr", "arfcn": 100_000, "psc": 7, "signalStrength": -80}
    yield "cells of no area", GEOLOCATE, json.dumps({"cellTowers": [foreign]}).encode(), ""
    yield "cells of no area", LOCATE, json.dumps({"nr": [cell(7, 100_000)]}).encode(), ""
    yield "a confidence of 10", f"{LOCATE}?confidence=10", json.dumps(heard).encode(), ""
    yield "packed as Brotli", LOCATE, b"{}", "Content-Encoding: br\r\n"
    yield "gzip that is none", GEOLOCATE, b"{}", "Content-Encoding: gzip\r\n"
    both: dict[str, Any] = {"ecgi": {}, "ncgi": {}, "raylocusMeasurements": heard}
    yield "ecgi and ncgi", NLMF, json.dumps(both).encode(), ""
    yield "an unknown correlationID", NLMF, json.dumps({"correlationID": "nobody"}).encode(), ""
    shapes = {"supportedGADShapes": ["LOCAL_3D_POINT"], "raylocusMeasurements": heard}
    yield "shapes that it has not", NLMF, json.dumps(shapes).encode(), ""
    unknown = {"device": {"phoneNumber": "+4930000"}}
    yield "an unknown phone", RETRIEVE, json.dumps(unknown).encode(), ""
    yield "no area to compare with", VERIFY, json.dumps(unknown).encode(), ""


def answered(address: tuple[str, int], path: str, body: bytes, head: str) -> str:
    """The status of the answer, and what the API calls the error."""
    length = f"Content-Length: {len(body)}\r\n"
    with socket.create_connection(address, timeout=30) as connection:
        start_line = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.sendall(f"{start_line}{length}{head}\r\n".encode() + body)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except ConnectionError:
            pass  # what was answered before the rest of the body was thrown away
    return f"{received.split(b' ', 2)[1].decode()} {word_of(received)}".strip() if received else "closed"


def word_of(answer: bytes) -> str:
    """The name of an error; empty where there is none."""
    body = json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}")
    word = body.get("cause") if "detail" in body else body.get("code", "")
    return str(body["error"]["errors"][0]["reason"] if "error" in body else word)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", type=Path)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    place, service = open_place(given.place), start(given)
    host, port = service.url.removeprefix("http://").split(":")
    print("| request | to | answer | processor time / ms |\n|---|---|---|---|")
    for name, path, body, head in kinds(place):
        answered((host, int(port)), path, body, head)
        before = sum(service.processor_times)
        statuses = {answered((host, int(port)), path, body, head) for _ in range(REPEATS)}
        spent = 1e3 * (sum(service.processor_times) - before) / REPEATS
        to = path.split("?")[0] if len(path) < 50 else "…"
        print(f"| {name} | `{to}` | {', '.join(sorted(statuses))} | {spent:.0f} |", flush=True)
    service.process.kill()


if __name__ == "__main__":
    main()
