"""The viewer's page of a traced place: alone in the world, and used in a real browser."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from propagation_fixtures import ETOILE
from raylocus.cli.main import main
from raylocus.errors import InputError
from raylocus.geo import Extent, GeoFrame, Grid
from raylocus.inference.fix import fixes_of
from raylocus.models.posterior import posterior_of
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.provenance import Provenance
from raylocus.scenes.area import Area, AreaTile
from raylocus.scenes.build import build_place
from raylocus.scenes.place import save_place
from raylocus.scenes.sites import Carrier, Cell, Deployment, Site
from raylocus.viz.viewer.area_content import area_content, traced_tiles
from raylocus.viz.viewer.page import viewer_page
from raylocus.viz.viewer.paths import TOLERANCE
from raylocus.viz.viewer.place_content import LIMIT, place_content
from raylocus.viz.viewer.tracks import Heard, Track

NAME = 'mast </script> <b>&"'
#: A page may take so long on a machine that does other things as well [s].
LONGEST_WAIT = 60
ARC = np.linspace(0.0, 1.0, 4)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TracedPlace:
    folder = tmp_path_factory.mktemp("places") / "etoile"
    build_place("etoile", folder, ETOILE)
    built = trace_place(folder, TraceConfiguration(depth=1, rays_per_cell=4.0, diffraction=False))
    first, *others = built.deployment.sites
    named = dataclasses.replace(built.deployment, sites=(Site(NAME, first.position), *others))
    save_place(dataclasses.replace(built, deployment=named, frame=GeoFrame(48.8738, 2.2950)))
    return open_place(folder)


def track(place: TracedPlace) -> Track:
    """A phone that walks east, and answers that are a bell about where it is."""
    truth = np.column_stack([-20 + 40 * ARC, np.zeros(4)])
    away = np.linalg.norm(place.tile.centres[None] - truth[:, None], axis=-1)
    density = np.exp(-((away / 15.0) ** 2))
    density = (density / density.sum(axis=1, keepdims=True)).reshape(4, *place.tile.shape)
    level = place.levels_at(np.array([0.0, 0.0]))[:2]
    heard = Heard(np.array([0, 1]), np.array([-80.0, -90.0]), np.array([True, False]), level, level)
    fixes = fixes_of(posterior_of(place.tile, density), [1.0] * 4, None)
    return Track(7, 10 * ARC, truth, (heard,) * 4, np.array([False, True, True, True]), tuple(fixes))


@pytest.fixture(scope="module")
def page(place: TracedPlace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "etoile.html"
    path.write_text(viewer_page(place_content(place, [track(place)])))
    return path


def test_the_page_is_alone_in_the_world(page: Path, place: TracedPlace) -> None:
    text = page.read_text()
    assert len(text.encode()) < LIMIT
    assert not re.search(r"https?://|\bsrc\s*=|\bhref\s*=|\bfetch\(|XMLHttpRequest|import\s*\(|url\(", text)
    assert "default-src 'none'" in text and "unsafe" not in text
    assert NAME not in text and text.count("</script>") == text.count("<script")
    assert "OpenStreetMap" in place.attribution and place.attribution.split(",")[0] in text


def test_lines_are_as_long_as_their_paths(place: TracedPlace) -> None:
    lines = place_content(place, layers=["rsrp"]).paths
    assert lines is not None and len(lines.cell) > 100 and lines.left_out < len(lines.cell) / 4
    legs = np.linalg.norm(np.diff(lines.point, axis=0), axis=1)
    first = lines.points.offsets
    length = [legs[start : stop - 1].sum() for start, stop in zip(first[:-1], first[1:], strict=True)]
    assert np.abs(length - lines.length).max() < TOLERANCE
    sites = place.deployment.site_positions
    np.testing.assert_allclose(lines.point[first[:-1]], sites[lines.site], atol=1e-6)
    ends = lines.point[first[1:] - 1]
    np.testing.assert_array_equal(place.tile.index(ends), lines.cell)


def test_the_command_says_what_it_wrote(
    place: TracedPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.html"
    assert main(["view", str(place.folder), "--layers", "[path_gain]", "--out", str(out)]) == 0
    assert f"{out} written, 0." in capsys.readouterr().out
    names = set(re.findall(r'"name": "(\w+)", "source": "R"', out.read_text()))
    assert names == {"rsrp", "sinr", "toa", "line_of_sight", "path_gain"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--layers", "[colour]"], "there is no layer 'colour' of R"),
        (["--model", "m.ckpt"], "give --reports"),
        (["--reports", "nowhere.zarr"], "nowhere.zarr does not exist"),
    ],
)
def test_a_bad_wish_is_one_sentence(
    place: TracedPlace, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["view", str(place.folder), *words, "--out", str(tmp_path / "p.html")]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_layers_stop_at_the_limit_and_those_left_out_are_named(
    place: TracedPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = place_content(place)
    assert len(whole.notes) == 1 and "rsrp_beam, " in whole.notes[0] and "singular_value" in whole.notes[0]
    monkeypatch.setattr("raylocus.viz.viewer.place_content.RESERVED", LIMIT - 30_000)
    small = place_content(place)
    drawn = [layer.name for layer in small.layers if layer.source == "R"]
    assert drawn[:2] == ["rsrp", "sinr"] and sum(layer.size for layer in small.layers[: len(drawn)]) <= 30_000
    everything = {layer.name for layer in whole.layers if layer.source == "R"}
    assert all(name in small.notes[0] for name in everything - set(drawn))
    with pytest.raises(InputError, match="rsrp_beam on; ask for fewer"):
        place_content(place, layers=["rsrp_beam"])


def test_a_place_that_was_not_traced_has_its_map(place: TracedPlace, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(place.folder, folder, ignore=shutil.ignore_patterns("atlas.zarr", "radio.zarr"))
    content = place_content(open_place(folder))
    assert content.paths is None and {layer.source for layer in content.layers} == {"G"}
    assert '"paths": null' in viewer_page(content)


def test_an_area_has_its_sites_its_ground_and_posteriors_of_their_own_grid(tmp_path: Path) -> None:
    deployment = Deployment(
        (Carrier(), Carrier(frequency=806e6, technology="LTE", numerology=0)),
        (Site("a", (0.0, 0.0, 30.0)), Site("b", (2000.0, 500.0, 30.0))),
        (Cell(1, 0, 0.0, 0.1), Cell(2, 1, 1.0, 0.1, carrier=1)),
    )
    area = Area(
        tmp_path,
        "plain",
        GeoFrame(52.0, 13.0),
        Extent(-1000.0, -500.0, 3000.0, 1500.0),
        deployment,
        Provenance.collect({}, 1, {}),
    )
    bell = np.exp(-((Grid(400.0, 10.0, (1500.0, 300.0)).centres[:, 0] - 1500.0) ** 2) / 5000).reshape(
        1, 40, 40
    )
    answers = fixes_of(posterior_of(Grid(400.0, 10.0, (1500.0, 300.0)), bell / bell.sum()), [1.0], None)
    nothing = np.zeros(0)
    heard = Heard(nothing.astype(int), nothing, nothing.astype(bool), nothing, nothing)
    shown = Track(0, np.zeros(1), np.full((1, 2), np.nan), (heard,), np.zeros(1, bool), tuple(answers))
    text = viewer_page(area_content(area, [shown]))
    record = json.loads(re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)[1])
    assert [cell["label"] for cell in record["cells"]] == ["PCI 1 · NR at 3500 MHz", "PCI 2 · LTE at 806 MHz"]
    assert record["grid"]["west"] <= -1000 and record["grid"]["west"] + record["grid"]["size"] >= 3000
    fix = record["tracks"][0]["fixes"][0]
    assert (fix["grid"]["west"], fix["grid"]["south"], fix["grid"]["count"]) == (1300, 100, 40)
    assert record["tracks"][0]["truth"] == [None]
    # North-west of the plain: latitude above the origin's, longitude below it.
    assert record["corners"][2][0] > 52.0 > record["corners"][0][0] and record["corners"][2][1] < 13.0


def test_a_traced_area_has_the_maps_and_paths_of_its_tiles(place: TracedPlace, tmp_path: Path) -> None:
    tile, cells = place.tile, tuple(range(len(place.deployment.cells)))
    away = np.array([tile.size, 0.0])
    shutil.copytree(place.folder, tmp_path / "east")
    shutil.copytree(place.folder, tmp_path / "west", ignore=shutil.ignore_patterns("radio.zarr"))
    # The eastern tile is traced, the western one is not.
    tiles = (AreaTile(0, 0, (0.0, 0.0), "west", cells), AreaTile(1, 0, (tile.size, 0.0), "east", cells))
    extent = Extent(-tile.size / 2, -tile.size / 2, 1.5 * tile.size, tile.size / 2)
    area = Area(tmp_path, "two", place.frame, extent, place.deployment, place.provenance, tiles=tiles)
    content = area_content(area)
    (rsrp,) = (layer for layer in content.layers if layer.name == "rsrp")
    assert rsrp.axes == (("cell", len(cells)),)
    lines = content.paths
    assert lines is not None and len(lines.cell) > 20
    ends = lines.point[lines.points.offsets[1:] - 1, :2]
    assert np.abs(content.grid.centres[lines.cell] - ends).max() <= content.grid.resolution
    assert np.all(np.abs(ends - away) <= tile.size / 2)
    (here,) = traced_tiles(area, content.grid)
    shown = content.grid.centres[here.here] - away
    np.testing.assert_array_equal(here.there, tile.index(shown))


class Opened:
    """A page in headless Chromium, and everything that went wrong in it."""

    def __init__(self, tab: Any) -> None:
        self.tab, self.trouble, self.requests = tab, [], []
        tab.on("console", self.note)
        tab.on("pageerror", lambda error: self.trouble.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))

    def note(self, message: Any) -> None:
        # The driver's complaint about screenshots is about this test.
        if "ReadPixels" not in message.text:
            self.trouble.append(message.text)

    def ask(self, script: str) -> Any:
        return self.tab.evaluate(script)

    def wait(self, condition: str) -> None:
        """Waits for a condition; the page's policy forbids Playwright's own way."""
        started = time.monotonic()
        while time.monotonic() < started + LONGEST_WAIT:
            if self.ask(condition):
                return
            self.tab.wait_for_timeout(50)
        raise AssertionError(
            f"{condition} did not come true; {self.trouble} {self.tab.inner_text('#failure')}"
        )

    def colours(self) -> int:
        """Number of colours in the middle of the picture."""
        middle = {"x": 350, "y": 250, "width": 200, "height": 150}
        picture = self.tab.screenshot(clip=middle)
        return len(np.unique(decoded(picture).reshape(-1, 4), axis=0))

    def text(self, selector: str) -> str:
        return str(self.tab.inner_text(selector))


def decoded(picture: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(picture)))


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Any]]:
    """Starts headless Chromium with some options."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium; on Debian: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # Chromium refuses its sandbox to root.
        yield lambda *options: driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", *options]
        )


@pytest.fixture(scope="module")
def opened(launch: Callable[..., Any], page: Path) -> Iterator[Opened]:
    browser = launch()
    found = Opened(browser.new_page(viewport={"width": 900, "height": 700}))
    found.tab.goto(page.as_uri())
    found.wait("document.documentElement.dataset.ready")
    yield found
    browser.close()


def test_the_picture_comes_without_a_request_or_an_error(opened: Opened, page: Path) -> None:
    assert opened.trouble == [] and opened.requests == [page.as_uri()]
    assert opened.colours() > 20
    assert re.fullmatch(r"etoile: \d+ sites, \d+ cells", opened.text("h1"))
    assert NAME in [mark.inner_text() for mark in opened.tab.query_selector_all(".mark.site")]


def test_the_slider_moves_the_phone_and_its_region(opened: Opened) -> None:
    assert "report 4 of 4" in opened.text("#track-words")
    before = opened.tab.query_selector(".mark.estimate").bounding_box()
    opened.tab.locator("#step").fill("0")
    opened.wait("document.getElementById('track-words').textContent.includes('report 1 of 4')")
    after = opened.tab.query_selector(".mark.estimate").bounding_box()
    assert np.hypot(before["x"] - after["x"], before["y"] - after["y"]) > 5
    words = opened.text("#track-words")
    # After the first report no cell of the place was named yet.
    assert words.endswith("not trusted")
    # Half of a bell of 15 m lies within 15 m · √ln 2, nine tenths within 15 m · √ln 10.
    radii = [float(each) for each in re.findall(r"within ([\d.]+)", words)]
    np.testing.assert_allclose(radii, [15 * np.log(2) ** 0.5, 15 * np.log(10) ** 0.5], atol=2.5)
    assert "-80.0" in opened.ask("document.getElementById('residual-body').textContent")


def test_layers_change_the_picture_and_its_legend(opened: Opened) -> None:
    assert opened.text("#legend") == ""
    opened.tab.select_option("#layer", label="R · rsrp")
    opened.wait("document.getElementById('meaning').textContent.includes('dBm')")
    assert "dBm" in opened.text("#legend")
    one = opened.tab.screenshot()
    opened.tab.select_option("#layer", label="R · toa")
    opened.wait("document.getElementById('meaning').textContent.includes('[ns]')")
    opened.tab.wait_for_timeout(300)
    assert opened.tab.screenshot() != one


def test_a_click_says_what_every_cell_looks_like_there(opened: Opened, place: TracedPlace) -> None:
    opened.tab.select_option("#buildings", "hidden")
    opened.tab.mouse.click(450, 350)
    opened.wait("document.documentElement.dataset.asked && document.getElementById('path-words').textContent")
    ground = int(opened.ask("document.documentElement.dataset.asked"))
    row, column = divmod(ground, place.tile.count)
    # The first view looks at the middle of the tile.
    assert np.hypot(*place.tile.centres[ground]) < 25
    table = opened.text("#answer-body")
    levels = place.radio_maps["rsrp"].values[:, row, column]
    strongest = place.deployment.cells[int(np.nanargmax(levels))]
    assert f"PCI {strongest.pci}" in table.split("\n", 4)[-1]
    cells = opened.ask(
        "[...document.querySelectorAll('#answer-body tr')].map((row) => row.children[2].textContent)"
    )
    assert cells[0] == "RSRPdBm"
    shown = [float(each) for each in cells[1:] if each != "–"]
    np.testing.assert_allclose(shown, np.sort(levels[np.isfinite(levels)])[::-1], atol=0.3)
    assert "Paths to the nearest stored point" in table
    assert "48.87" in table  # degrees


def test_everything_is_at_the_keyboard(opened: Opened) -> None:
    opened.tab.locator("#view").focus()
    opened.tab.keyboard.press("h")
    assert opened.ask("document.getElementById('keys').open")
    opened.tab.keyboard.press("Escape")
    opened.tab.locator("#view").focus()
    layer = opened.ask("document.getElementById('layer').value")
    for key in ("l", "c", "b", "p", "t", ".", "ArrowLeft", "Shift+ArrowUp", "+", "-", "Enter", "s"):
        opened.tab.keyboard.press(key)
    opened.wait("document.getElementById('sequence').value === '-1'")
    assert opened.ask("document.getElementById('layer').value") != layer
    assert opened.ask("document.getElementById('buildings').value") == "solid"
    opened.tab.keyboard.press("Escape")
    opened.wait("!document.getElementById('answer-body').textContent")
    assert opened.trouble == []


def test_a_phone_sized_screen_has_room_for_the_picture(opened: Opened) -> None:
    opened.tab.set_viewport_size({"width": 390, "height": 800})
    opened.tab.reload()
    opened.wait("document.documentElement.dataset.ready")
    assert opened.ask("document.documentElement.scrollWidth") <= 390
    for box in ("#panel", "#answer", "#track"):
        bounds = opened.tab.query_selector(box).bounding_box()
        assert bounds["x"] >= 0 and bounds["x"] + bounds["width"] <= 390
    covered = sum(
        opened.tab.query_selector(box).bounding_box()["height"] for box in ("#panel", "#answer", "#track")
    )
    assert covered < 400


def test_a_browser_without_webgl_says_so(launch: Callable[..., Any], page: Path) -> None:
    browser = launch("--disable-3d-apis")
    found = Opened(browser.new_page())
    found.tab.goto(page.as_uri())
    found.wait("document.getElementById('failure').textContent")
    assert "WebGL 2" in found.text("#failure")
    browser.close()
