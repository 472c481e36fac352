"""How large the viewer's page of places is, and how soon headless Chromium shows it.

    python benchmarks/viewer_page.py [places/munich places/midtown]

Without places, munich is built and traced on a grid of 8 m first. Needs Playwright and a Chromium, such as Debian's.
The first picture is there two frames after the page has drawn the place with its first layer; time runs from the
start of the navigation, by the browser's own clock. The processor time of all of the browser's processes in that span
is what a machine that does other things as well needs for it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import BrowserType, sync_playwright

from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.tracing.trace_configuration import TraceConfiguration
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.build import build_place
from raylocus.scenes.configuration import SceneConfiguration
from raylocus.viz.viewer.page import viewer_page
from raylocus.viz.viewer.place_content import ViewerContent, place_content

OPENED = 5
READY = "document.documentElement.dataset.ready"


def main(folders: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = browser_of(driver.chromium)
        for name in folders or [munich(Path(folder))]:
            started = time.perf_counter()
            content = place_content(open_place(name))
            page = Path(folder) / "page.html"
            page.write_text(viewer_page(content))
            print(f"{described(content)}; written in {time.perf_counter() - started:.0f} s")
            wall, busy = zip(
                *(first_picture(driver.chromium, browser, page) for _ in range(OPENED)), strict=True
            )
            print(
                f"  {page.stat().st_size / 1e6:.1f} MB; first picture after {statistics.median(wall):.1f} s and "
                f"{statistics.median(busy):.1f} s of processor time (medians of {OPENED}; longest {max(wall):.1f} s, "
                f"{max(busy):.1f} s); load of the machine {os.getloadavg()[0]:.0f}",
                flush=True,
            )


def munich(folder: Path) -> str:
    """The built-in city, traced on a grid of 8 m."""
    build_place("munich", folder / "munich", SceneConfiguration(resolution=8.0))
    return str(trace_place(folder / "munich", TraceConfiguration()).folder)


def described(content: ViewerContent) -> str:
    triangles = sum(mesh.index.shape[0] // 3 for mesh in content.meshes)
    paths = len(content.paths.cell) if content.paths else 0
    return (
        f"{content.name}: {triangles} triangles, {len(content.deployment.cells)} cells, "
        f"{len(content.layers)} layers of {content.grid.count} × {content.grid.count}, {paths} paths"
    )


def browser_of(chromium: BrowserType) -> str:
    """Path of a Chromium: the machine's, else Playwright's; where there is none, says so and exits with code 2."""
    found = shutil.which("chromium") or shutil.which("google-chrome") or chromium.executable_path
    if not Path(found).exists():
        print("there is no Chromium to show the page in; run: playwright install chromium", file=sys.stderr)
        sys.exit(2)
    return found


def first_picture(chromium: BrowserType, executable: str, page: Path) -> tuple[float, float]:
    """Seconds to the first picture in a browser that was just started, and seconds of processor time."""
    browser = chromium.launch(executable_path=executable, args=["--no-sandbox"])
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto("about:blank")
    before = processor_time()
    tab.goto(page.as_uri())
    while not tab.evaluate(READY):
        tab.wait_for_timeout(20)
    answer = float(tab.evaluate(READY)) / 1000, processor_time() - before
    browser.close()
    return answer


def processor_time() -> float:
    """Of all processes that this one has started [s]."""
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))


if __name__ == "__main__":
    main(sys.argv[1:])
