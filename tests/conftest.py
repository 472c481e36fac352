"""What every test shares: seeded randomness, few threads, and hypothesis without deadlines."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

from aside_fixtures import Here
from checked_types import check_package

check_package("raylocus")
# As the command sets it (`raylocus.cli.main`): most of the suite's objects are modules, which stay.
gc.set_threshold(10_000)

# As `make test` has it: two workers and the processes of tests share the cores, and threads that wait spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Deadlines measure the machine, not the code; derandomised, so that a red run is red again.
settings.register_profile("raylocus", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("raylocus")

REPOSITORY = Path(__file__).parents[1]


def pytest_collection_finish() -> None:
    """What collecting has imported stays: no later search for garbage looks through it."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """What is left at the end is looked through for garbage once; pytest would do so five times."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def generator() -> np.random.Generator:
    """A source of randomness that is the same in every run."""
    return np.random.default_rng(20250101)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


def raylocus(folder: Path, *words: str) -> str:
    """What the command prints, in a process of its own."""
    command = [sys.executable, "-m", "raylocus", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder in which the tiny demo has run, once for all workers; to be read, and copied where a test writes.

    Continuous integration has run it from the wheel and says where (`.ci/wheel`).
    """
    if made := os.environ.get("DEMONSTRATED"):
        return Path(made)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "demonstrated"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            aside = folder.with_suffix(".partial")
            aside.mkdir(exist_ok=True)
            raylocus(aside, "demo", "--recipe", "tiny")
            aside.rename(folder)
    return folder


@pytest.fixture(scope="module")
def in_this_process() -> Iterator[None]:
    """The bound, its self-check and the true maps are worked out in the test's process: they share their ways there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raylocus.evaluation.comparison.Aside", Here)
        patch.setattr("raylocus.execution.preloading.begin_to_load", lambda module, threads: None)
        yield


@pytest.fixture(scope="module")
def few_ways(in_this_process: None) -> Iterator[None]:
    """Few draws of the methods that draw: enough where their places in a table are tested.

    The bound and the true maps take a tenth of their ways, the bound a quarter of its worlds and two sequences to check
    itself by, forests a tenth of their trees and fingerprints. Other processes would take all of them.
    """
    from raylocus.evaluation.bound.self_check import self_check
    from raylocus.evaluation.references import References

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(References, "_bound_at", drawing(References._bound_at, worlds=8, motions=8, ways=16))
        patch.setattr(References, "_true_maps_in", drawing(References._true_maps_in, motions=8, ways=16))
        patch.setattr(
            "raylocus.evaluation.references.self_check", lambda bound, worlds: self_check(bound, 2, 1)
        )
        patch.setattr("raylocus.evaluation.bound.tracks.WALKS", 256)
        patch.setattr("raylocus.evaluation.bound.tracks.TRIPS", 96)
        patch.setattr("raylocus.evaluation.baselines.fingerprints.TREES", 3)
        patch.setattr("raylocus.evaluation.baselines.fingerprints.FINGERPRINTS", 500)
        yield


def drawing(make: Callable[..., Any], **draws: int) -> Callable[..., Any]:
    """What makes a method, with so many draws."""
    return lambda *given: dataclasses.replace(make(*given), **draws)


@pytest.fixture(scope="module")
def few_cases() -> Iterator[None]:
    """Reports draw two single answers; the others are drawn alike (tests/unit/test_viz.py)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raylocus.viz.report.RANKS", ((50, "typical"),))
        yield
