"""What the service answers to requests that mean it no good, and the processor time that each costs it.

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
    yield "a circle as large as the Earth", "/location-verification/v3/verify", json.dumps(asked).encode(), ""
    yield "a head of 15 kB", LOCATE, b"{}", f"X-Long: {'x' * 15_000}\r\n"
    yield "200 lines in the head", LOCATE, b"{}", "".join(f"X-{n}: 1\r\n" for n in range(200))
    yield "an unknown path of 8 kB", "/" + "a" * 8000, b"{}", ""


def answered(address: tuple[str, int], path: str, body: bytes, head: str) -> str:
    """The status of the answer."""
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
    return received.split(b" ", 2)[1].decode() if received else "closed"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("place", type=Path)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    place, service = open_place(given.place), start(given)
    host, port = service.url.removeprefix("http://").split(":")
    print("| request | answer | processor time / ms |\n|---|---|---|")
    for name, path, body, head in kinds(place):
        answered((host, int(port)), path, body, head)
        before = service.processor_time
        statuses = {answered((host, int(port)), path, body, head) for _ in range(REPEATS)}
        spent = 1e3 * (service.processor_time - before) / REPEATS
        print(f"| {name} | {', '.join(sorted(statuses))} | {spent:.0f} |", flush=True)
    service.process.kill()


if __name__ == "__main__":
    main()
