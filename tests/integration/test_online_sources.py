"""Maps and place names over the network, from a server that speaks Overpass and Nominatim."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import osmium
import pytest

from map_fixtures import village
from raylocus.errors import PlaceError
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration, SourceOptions
from raylocus.scenes.map_sources.online import cache_folder, fetch_map, find_place
from raylocus.scenes.map_sources.read_source import read_source, requested_bounds

#: What an Overpass server answers to /status when it is free.
FREE = b"Connected as: 1\nCurrent time: 2026-01-01T00:00:00Z\nRate limit: 2\n\n2 slots available now.\n"


def overpass_answer(path: Path) -> bytes:
    """What an Overpass server says of a file, as JSON."""
    elements: list[dict[str, object]] = []
    for item in osmium.FileProcessor(str(path)):
        tags = {"tags": dict(item.tags)} if len(item.tags) else {}
        if item.is_node():
            elements.append({"type": "node", "id": item.id, "lat": item.lat, "lon": item.lon, **tags})
        elif item.is_way():
            elements.append({"type": "way", "id": item.id, "nodes": [n.ref for n in item.nodes], **tags})
        else:
            members = [{"type": "way", "ref": each.ref, "role": each.role} for each in item.members]
            elements.append({"type": "relation", "id": item.id, "members": members, **tags})
    return json.dumps({"version": 0.6, "elements": elements}).encode()


def places(query: str) -> list[dict[str, object]]:
    """What Nominatim says: of a village its outline, of a mill a point, of anything else nothing."""
    west, south, east, north = 13.396, 52.508, 13.404, 52.512
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shapes = {"Village": ("Polygon", [ring]), "Mill": ("Point", [13.4, 52.51])}
    box = [str(value) for value in (south, north, west, east)]
    return [
        {"place_id": 1, "osm_type": "relation", "osm_id": 1, "lat": "52.51", "lon": "13.4", "display_name": name,
         "importance": 0.5, "boundingbox": box, "geojson": {"type": kind, "coordinates": coordinates}}
        for name, (kind, coordinates) in shapes.items()
        if name in query
    ]  # fmt: skip


class MapServer(BaseHTTPRequestHandler):
    """Knows one village."""

    answer: ClassVar[bytes]
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self._say(FREE if self.path.endswith("/status") else json.dumps(places(self.path)).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(urllib.parse.unquote_plus(body))
        assert self.headers["User-Agent"].startswith("raylocus/")
        self._say(self.answer)

    def _say(self, content: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def map_server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Address of the server, and what it was asked."""
    MapServer.answer, MapServer.asked = overpass_answer(village(tmp_path / "served.osm")), []
    server = HTTPServer(("127.0.0.1", 0), MapServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", MapServer.asked
    server.shutdown()


def test_maps_are_fetched_once(
    map_server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = map_server
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bounds = requested_bounds("52.51,13.4", 256.0)
    kept = fetch_map(bounds, ("http://127.0.0.1:9/none", f"{address}/api"))  # the first server is not there
    fetched = read_source(str(kept), SourceOptions(), 0, 512.0).vector_map
    served = read_source(str(tmp_path / "served.osm"), SourceOptions(), 0, 512.0).vector_map
    assert sorted(each.identifier for each in fetched.buildings) == sorted(
        each.identifier for each in served.buildings
    )
    assert fetched.attribution == served.attribution != ""
    queries = [query for query in asked if "building" in query]
    assert len(queries) == 1 and "/api/status" in asked
    for wanted in ("building:part", "highway", "tree_row", "coastline"):
        assert wanted in queries[0]
    assert fetch_map(bounds, ("http://127.0.0.1:9/none",)) == kept
    assert len([query for query in asked if "building" in query]) == 1 and kept.is_relative_to(cache_folder())


def test_places_are_found_by_name(
    map_server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import osmnx

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(osmnx.settings, "nominatim_url", map_server[0])
    # OSMnx asks the public server once a second at the most.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert find_place("Village, Land") == pytest.approx((13.396, 52.508, 13.404, 52.512))
    assert find_place("Mill") == pytest.approx((52.51, 13.4))
    with pytest.raises(PlaceError, match="finds no such place"):
        find_place("Atlantis")
    assert osmnx.settings.cache_folder == "./cache" and not osmnx.settings.cache_only_mode


def test_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(
        PlaceError, match="no map server can be reached .*connect to the network or give a .osm"
    ):
        build_place("52.51,13.4", tmp_path / "place", SceneConfiguration(resolution=4.0))
    with pytest.raises(PlaceError, match="unknown place 'Atlantis'"):
        find_place("Atlantis")
    assert not (tmp_path / "place").exists()
