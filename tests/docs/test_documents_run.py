"""What the documents ask a reader to type works as it is written."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas
import httpx
import pytest
import rasterio

import raylocus
from raylocus.cli.main import main

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
SERVICE = REPOSITORY / "docs" / "service.md"
EXAMPLE = REPOSITORY / "examples" / "my_city"
TINY = "raylocus demo --recipe tiny\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    runs: bool
    """Whether it is marked to be run: the word after the language."""
    text: str


def blocks_of(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)( run)?\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [Block(language, bool(runs), text) for language, runs, text in found]


@dataclass(frozen=True)
class Workshop:
    """A folder in which blocks are run, with `raylocus` of this checkout on the path."""

    folder: Path
    programs: Path

    def run(self, block: Block) -> str:
        """What a block prints; every block is a process of its own, as for a reader."""
        command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "src"),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            [*command[block.language], block.text],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run_here(self, block: Block) -> str:
        """The same without a process for each: a program with names of its own, or lines that are all our command."""
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()) as printed:
            if block.language == "python":
                exec(compile(block.text, "a block", "exec"), {"__name__": "__main__"})
                return printed.getvalue()
            for line in block.text.replace("\\\n", " ").splitlines():
                program, *words = shlex.split(line)
                assert program == "raylocus" and main(words) == 0, line
        return printed.getvalue()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, demonstrated: Path) -> Workshop:
    """A folder in which the tiny demo has run, as the README begins, with the files that the tutorial begins with."""
    folder, programs = tmp_path_factory.mktemp("reader") / "folder", tmp_path_factory.mktemp("programs")
    shutil.copytree(demonstrated, folder)
    program = programs / "raylocus"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m raylocus "$@"\n')
    program.chmod(0o755)
    for file in [EXAMPLE / "town.osm", *EXAMPLE.glob("*.csv")]:
        shutil.copy(file, folder)
    return Workshop(folder, programs)


def test_the_readmes_code_runs_as_written(workshop: Workshop) -> None:
    blocks = [block for block in blocks_of(README) if block.runs]
    assert [block.language for block in blocks] == ["sh", "python"]
    assert blocks[0].text.split("#")[0].strip() == TINY.strip()
    assert re.search(r"\d m", workshop.run_here(blocks[1]))


def test_the_readmes_other_shell_blocks_name_what_exists() -> None:
    lines = [
        line.split("#")[0].strip()
        for block in blocks_of(README)
        if block.language == "sh"
        for line in block.text.splitlines()
    ]
    makefile = (REPOSITORY / "Makefile").read_text()
    for line in lines:
        if line.startswith("make "):
            assert re.search(rf"^{line.removeprefix('make ')}:", makefile, re.MULTILINE), line
        else:
            assert line.startswith(("pip install -c constraints.txt -e ", "raylocus ")), line
    assert all(block.runs for block in blocks_of(README) if block.language == "python")


def test_the_example_runs_after_the_tiny_demo(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["places/tiny-slabs", "runs/tiny/reports.zarr", "runs/tiny/locator.ckpt"]
    monkeypatch.chdir(workshop.folder)
    monkeypatch.setattr("sys.argv", ["locate.py", *words])
    runpy.run_path(str(REPOSITORY / "examples" / "locate.py"), run_name="__main__")
    assert capsys.readouterr().out.count("90 % within") == 8


def test_the_tutorial_leads_from_a_map_to_fixes_on_a_map(workshop: Workshop) -> None:
    first, *blocks = [block for block in blocks_of(TUTORIAL) if block.runs]
    printed = workshop.run(first)
    for block in blocks:
        workshop.run_here(block)
    assert "places/town: 256 m tile, 3 sites, 9 cells" in printed
    findings = [line for line in printed.splitlines() if line.startswith(("ok:", "WRONG"))]
    assert len(findings) == 7 and all(line.startswith("ok:") for line in findings)
    fixes = json.loads((workshop.folder / "fixes.json").read_text())
    on_map = geopandas.read_file(workshop.folder / "fixes.geojson")
    assert len(fixes) == len(on_map) == 6
    assert on_map.geometry.y.tolist() == pytest.approx([fix["latitude"] for fix in fixes])
    with rasterio.open(workshop.folder / "posterior.tif") as raster:
        assert raster.count == 6 and raster.crs.is_projected
        assert raster.read().sum((1, 2)) == pytest.approx([1.0] * 6, abs=1e-3)
    kinds = set(geopandas.read_file(workshop.folder / "buildings.geojson")["kind"])
    assert kinds == {"building", "site"}


@pytest.fixture
def running(workshop: Workshop) -> Iterator[str]:
    """The address of a service over the tutorial's town, started as docs/service.md does."""
    if not (workshop.folder / "places" / "town" / "radio.zarr").exists():
        for block in [block for block in blocks_of(TUTORIAL) if block.runs][:2]:
            workshop.run(block)
    line = next(line for line in SERVICE.read_text().splitlines() if line.startswith("raylocus serve "))
    words = line.split()[1:]
    process = subprocess.Popen(
        [str(workshop.programs / "raylocus"), *words, "--port", "0"],
        cwd=workshop.folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with raylocus.Client(address) as client:
            while not client.ready():
                assert process.poll() is None
                time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


def test_the_services_page_is_answered_as_written(workshop: Workshop, running: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    blocks = [block for block in blocks_of(SERVICE) if block.runs]
    here = [replace(block, text=block.text.replace("http://127.0.0.1:8080", running)) for block in blocks]
    geolocate, locate, python, nlmf, camara = [workshop.run(block) for block in here]
    assert json.loads(geolocate)["raylocus"]["droppedTowers"] == 0
    assert json.loads(locate)["confidence"] == 90 and json.loads(locate)["mixture"]
    assert re.search(r"within \d+ m, trusted: (True|False)", python)
    assert json.loads(nlmf)["locationEstimate"]["shape"] == "POINT_UNCERTAINTY_ELLIPSE"
    assert '"areaType":"CIRCLE"' in camara and '"verificationResult":"PARTIAL"' in camara
    page = httpx.get(running).text
    assert "town: 3 sites, 9 cells" in page
