"""Kills builds of the tiny dataset at random moments and compares what their resumes end with.

Every build is killed (SIGKILL, its workers get no signal) at a moment drawn evenly over the time that an unbroken
build takes; the next one goes on in the same folder. After every kill, whatever can be opened must be whole; when
a build gets through, all its files must be those of the unbroken one. Then it starts again.

    python benchmarks/dataset_kills.py --kills 100
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raylocus.cli.console import recipe_file
from raylocus.datasets.store import open_report_dataset
from raylocus.errors import StoreError

RECIPE = recipe_file("dataset", "tiny")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_builds(Path(folder), given.kills, given.workers, np.random.default_rng(given.seed))
    print(f"{found.kills} kills, {given.workers} workers, an unbroken build takes {found.seconds:.1f} s")
    print(f"killed before any unit, between units, while finalising: {found.moments}")
    print(f"builds that got through after kills: {found.finished}, with other bytes: {found.different}")
    print(f"files read as whole that were not: {found.partial}")


@dataclass
class Tally:
    """What was counted."""

    seconds: float
    kills: int = 0
    finished: int = 0
    different: int = 0
    partial: int = 0
    moments: tuple[int, int, int] = (0, 0, 0)


def kill_builds(folder: Path, kills: int, workers: int, generator: np.random.Generator) -> Tally:
    """Kills builds and counts; `folder` is for the places and datasets."""
    started = time.perf_counter()
    if _start(folder / "whole", workers).wait() != 0:
        raise SystemExit("the unbroken build failed")
    tally = Tally(time.perf_counter() - started)
    whole, broken = _contents(folder / "whole"), folder / "broken"
    while tally.kills < kills:
        if _killed(broken, workers, generator.uniform(0, tally.seconds)):
            tally.kills += 1
            _look(broken, whole, tally)
            print(tally, file=sys.stderr)
        else:
            _compare(broken, whole, tally)
    if broken.exists():
        _start(broken, workers).wait()
        _compare(broken, whole, tally)
    return tally


def _start(folder: Path, workers: int) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    words = ["dataset", "build", str(RECIPE), "--out", "tiny.zarr", "--workers", str(workers)]
    command = [sys.executable, "-m", "raylocus", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _killed(folder: Path, workers: int, after: float) -> bool:
    """Whether a build was killed after so many seconds; False where it got through before."""
    build = _start(folder, workers)
    try:
        build.wait(after)
    except subprocess.TimeoutExpired:
        build.kill()
        build.wait()
        return True
    if build.returncode != 0:
        raise SystemExit("a build failed; see it with: raylocus dataset build tiny")
    return False


def _look(folder: Path, whole: dict[str, str], tally: Tally) -> None:
    """What a killed build left must be whole, or not be read."""
    stage = 0
    for unit in (folder / "tiny.zarr.units").glob("[!.]*"):
        stage = 1
        tally.partial += _hash(unit) != whole[f"tiny.zarr.units/{unit.name}"]
    if list(folder.glob(".tiny.zarr.*.partial")):
        stage = 2
    try:
        open_report_dataset(folder / "tiny.zarr")
    except StoreError:
        pass
    else:
        tally.partial += any(
            _hash(folder / name) != digest for name, digest in whole.items() if name.startswith("tiny.zarr/")
        )
    before, between, finalising = (count + (index == stage) for index, count in enumerate(tally.moments))
    tally.moments = (before, between, finalising)


def _compare(folder: Path, whole: dict[str, str], tally: Tally) -> None:
    tally.finished += 1
    tally.different += _contents(folder) != whole
    shutil.rmtree(folder)


def _contents(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): _hash(file) for file in files}


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
