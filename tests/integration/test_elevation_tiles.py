"""`--terrain auto`: Copernicus GLO-30 from a server of 127.0.0.1, across borders, mirrors and the cache."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from map_fixtures import village
from raylocus.cli.main import main
from raylocus.errors import PlaceError
from raylocus.geo import GeoFrame
from raylocus.scenes.configuration import AUTO
from raylocus.scenes.ground.terrain import SURFACE_MODEL, read_terrain, terrain_height
from raylocus.scenes.map_sources.elevation_tiles import (
    GLO30_ATTRIBUTION,
    SERVERS_VARIABLE,
    elevation_for,
    fetch_elevation,
    tile_name,
)
from raylocus.scenes.place import load_place

#: Pixels a degree; GLO-30 has 3600, and a plane is a plane on any grid.
PIXELS = 360
#: Where four tiles meet, north-east of Berlin.
CORNER = GeoFrame(53.0, 14.0)


def plane(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Heights that rise 100 m a degree northwards and 300 m a degree eastwards, above 0 around the corner [m]."""
    return 500 + 100 * (latitude - 53) + 300 * (longitude - 14)


def write_tile(folder: Path, south: int, west: int) -> Path:
    """A tile as the bucket has it: the first pixel's centre on the north-west corner, tiled in blocks."""
    name, step = tile_name(south, west), 1 / PIXELS
    longitude, latitude = west + np.arange(PIXELS) * step, south + 1 - np.arange(PIXELS) * step
    (folder / name).mkdir(parents=True, exist_ok=True)
    transform = from_origin(west - step / 2, south + 1 + step / 2, step, step)
    shape = {"width": PIXELS, "height": PIXELS, "count": 1, "dtype": "float32"}
    layout = {"blocksize": 128, "compress": "deflate", "predictor": 3, "overviews": "none"}
    path = folder / name / f"{name}.tif"
    with rasterio.open(path, "w", driver="COG", crs="EPSG:4326", transform=transform, **shape, **layout) as f:
        f.write(plane(latitude[:, None], longitude[None, :]).astype(np.float32), 1)
    return path


class TileHandler(BaseHTTPRequestHandler):
    """Answers HEAD and GET of a folder's files, with range requests."""

    folder: ClassVar[Path]
    asked: ClassVar[list[str]]

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        self.wfile.write(self._begin())

    def _begin(self) -> bytes:
        """Sends the header of an answer and returns its body."""
        path, span = self.folder / self.path.lstrip("/"), self.headers.get("Range", "")
        self.asked.append(f"{self.command} {self.path}{' part' if span else ''}")
        content = path.read_bytes() if path.is_file() else b""
        first, last = (int(n) for n in span.removeprefix("bytes=").split("-")) if span else (0, len(content))
        part = content[first : last + 1]
        if not part:
            self.send_error(416 if content else 404)
            return b""
        self.send_response(206 if span else 200)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return part

    def log_message(self, *words: object) -> None:
        pass


class TileServer:
    """Serves a folder on 127.0.0.1, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        handler = type("Handler", (TileHandler,), {"folder": folder, "asked": self.asked})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """From now on nothing answers at the address."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bucket with four tiles around the corner."""
    folder = tmp_path_factory.mktemp("bucket")
    paths = [write_tile(folder, south, west) for south in (52, 53) for west in (13, 14)]
    (folder / "tileList.txt").write_text("\n".join(path.stem for path in paths))
    return folder


@pytest.fixture
def server(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TileServer]:
    found = TileServer(tiles)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(SERVERS_VARIABLE, found.address)
    yield found
    found.stop()


def fetched(bounds: tuple[float, float, float, float], points: list[tuple[float, float]]) -> list[float]:
    """Heights at (longitude, latitude) of what is fetched."""
    with rasterio.open(fetch_elevation(bounds)) as file:
        return [float(value[0]) for value in file.sample(points)]


def test_names_are_the_buckets() -> None:
    assert tile_name(48, 11) == "Copernicus_DSM_COG_10_N48_00_E011_00_DEM"
    assert tile_name(-14, -172) == "Copernicus_DSM_COG_10_S14_00_W172_00_DEM"
    assert tile_name(0, 0) == "Copernicus_DSM_COG_10_N00_00_E000_00_DEM"


def test_a_place_where_four_tiles_meet_is_one_plane(server: TileServer) -> None:
    elevation = elevation_for(AUTO, CORNER, 2600.0)
    terrain = read_terrain(elevation.path, CORNER, 2600.0)
    assert terrain.source == SURFACE_MODEL
    xy = np.array([[x, y] for x in (-900.0, -5.0, 5.0, 900.0) for y in (-900.0, -5.0, 5.0, 900.0)])
    offset = terrain_height(terrain, xy) - plane(*CORNER.to_wgs84(xy))
    # The low side of a plane lies below it by the same everywhere, and a seam would be a step.
    assert np.ptp(offset) < 0.02 and -1.0 < offset.mean() < 0.0
    assert elevation.attribution == GLO30_ATTRIBUTION and "EGM2008" in elevation.notes[0]
    assert len({line.split()[1] for line in server.asked if line.endswith("part")}) == 4


def test_pixels_are_the_tiles_own(server: TileServer) -> None:
    points = [(14 + east / PIXELS, 53 + north / PIXELS) for east in (-3, 0, 2) for north in (-2, 0, 3)]
    wanted = [plane(np.array(latitude), np.array(longitude)) for longitude, latitude in points]
    np.testing.assert_allclose(fetched((13.985, 52.985, 14.015, 53.015), points), wanted, atol=1e-3)


def test_only_the_blocks_of_the_place_are_read(server: TileServer) -> None:
    fetch_elevation((13.4, 52.5, 13.42, 52.52))
    assert {line.split()[1] for line in server.asked} == {
        "/tileList.txt",
        f"/{tile_name(52, 13)}/{tile_name(52, 13)}.tif",
    }
    assert all(line.startswith("HEAD") or line.endswith("part") for line in server.asked)


def test_a_missing_tile_is_sea(server: TileServer) -> None:
    """East of the last tile of the server."""
    east = GeoFrame(52.5, 15.0)
    heights = fetched((14.98, 52.49, 15.02, 52.51), [(14.99, 52.5), (15.01, 52.5)])
    np.testing.assert_allclose(heights, [plane(np.array(52.5), np.array(14.99)), 0.0], atol=0.5)
    notes = elevation_for(AUTO, east, 1000.0).notes
    assert f"GLO-30 has no tile {tile_name(52, 15)}: taken as sea, at 0 m" in notes
    assert fetched((30.0, 0.0, 30.02, 0.02), [(30.01, 0.01)]) == [0.0]


def test_the_mirror_answers_where_a_server_is_down(
    server: TileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    down, foreign = TileServer(tmp_path), TileServer(tmp_path / "other")
    down.stop()
    monkeypatch.setenv(SERVERS_VARIABLE, f"{down.address} {foreign.address}/ {server.address}/")
    (height,) = fetched((13.4, 52.5, 13.42, 52.52), [(13.41, 52.51)])
    # A server of something else has no tile either, and is not taken for the sea.
    assert height > 100 and foreign.asked == ["HEAD /tileList.txt"]
    foreign.stop()


def test_a_truncated_tile_is_no_tile(
    server: TileServer, tiles: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken, name = tmp_path / "broken", tile_name(52, 13)
    (broken / name).mkdir(parents=True)
    (broken / "tileList.txt").write_text(name)
    whole = (tiles / name / f"{name}.tif").read_bytes()
    (broken / name / f"{name}.tif").write_bytes(whole[: len(whole) // 3])
    cut, box = TileServer(broken), (13.8, 52.1, 13.82, 52.12)
    monkeypatch.setenv(SERVERS_VARIABLE, cut.address)
    with pytest.raises(PlaceError, match="no elevation server can be reached .*Rasterio"):
        fetch_elevation(box)
    assert not list((tmp_path / "cache").rglob("*.tif*"))
    monkeypatch.setenv(SERVERS_VARIABLE, f"{cut.address} {server.address}")
    np.testing.assert_allclose(
        fetched(box, [(13.81, 52.11)]), plane(np.array(52.11), np.array(13.81)), atol=0.5
    )
    cut.stop()


def test_what_was_fetched_needs_no_server(server: TileServer) -> None:
    first = fetch_elevation((13.4, 52.5, 13.42, 52.52))
    server.stop()
    assert fetch_elevation((13.401, 52.501, 13.419, 52.519)) == first
    with pytest.raises(PlaceError, match="no elevation server can be reached"):
        fetch_elevation((13.6, 52.5, 13.62, 52.52))


def test_the_command_builds_on_fetched_ground(
    server: TileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(village(tmp_path / "village.osm"))
    words = ["scene", "build", source, "--terrain", "auto", "--scene.resolution", "4"]
    assert main([*words, "--out", str(tmp_path / "place")]) == 0
    place = load_place(tmp_path / "place")
    assert place.attribution.startswith("© OpenStreetMap") and place.attribution.endswith(GLO30_ATTRIBUTION)
    assert GLO30_ATTRIBUTION in capsys.readouterr().out
    assert not any("taken as flat" in note for note in place.notes)
    # 275 m above the geoid at the village: 51 m below the corner for half a degree south, 180 m for its west.
    assert all(250 < site.position[2] < 350 for site in place.deployment.sites)


def test_without_a_server_the_command_says_one_sentence(
    server: TileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.stop()
    source = str(village(tmp_path / "village.osm"))
    assert main(["scene", "build", source, "--terrain", "auto", "--out", str(tmp_path / "place")]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0 and "no elevation server can be reached (127.0.0.1:" in said
    assert not (tmp_path / "place").exists()
