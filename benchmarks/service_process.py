"""`raylocus serve` as a process, for benchmarks that ask it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import psutil


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    url: str
    ready_after: float
    """Seconds from its start until it answered."""
    ready_cost: float
    """Seconds of processor time until then."""

    @property
    def memory(self) -> float:
        """Memory of all its processes [MB], of what they share their part."""
        return sum(each.memory_full_info().pss for each in processes(self.process.pid)) / 1e6

    @property
    def processor_times(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the process that listens, and of those that locate."""
        listening, *others = processes(self.process.pid)
        return processor_time([listening]), processor_time(others)

    @property
    def readiness(self) -> str:
        """How soon it was ready, in words."""
        return f"{self.ready_after:.1f} s ({self.ready_cost:.1f} s of processor time)"


def processes(process: int) -> list[psutil.Process]:
    """A process and all that it has started."""
    first = psutil.Process(process)
    return [first, *first.children(recursive=True)]


def processor_time(some: Sequence[psutil.Process]) -> float:
    """Of some processes [s]."""
    return sum(sum(each.cpu_times()[:2]) for each in some)


def start(given: argparse.Namespace, options: Sequence[str] = ()) -> Service:
    words = ["serve", str(given.place), "--port", "0", "--rate", "0", *options]
    words += ["--model", str(given.model)] if given.model else []
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "raylocus", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    while True:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                seconds = time.perf_counter() - began
                return Service(process, url, seconds, processor_time(processes(process.pid)))
        except httpx.HTTPError:
            pass
        time.sleep(0.02)
