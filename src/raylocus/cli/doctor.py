"""`raylocus doctor`: what this machine can trace with, and the fix if it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from raylocus.cli.console import verb_parser
from raylocus.errors import RuntimeUnavailableError
from raylocus.execution.side_by_side import worker_count
from raylocus.propagation.runtime.one_ray import EXPECTED_DISTANCE
from raylocus.propagation.runtime.runtime import Runtime, find_runtime
from raylocus.provenance import versions

#: What the demo needs, with something to spare.
NEEDED_DISK_GB, NEEDED_MEMORY_GB = 3.0, 4.0
#: Packages by the extra that brings them.
OPTIONAL_PACKAGES = {"lightning": "train", "sklearn": "train"}

_ONE_RAY = """
from raylocus.propagation.runtime.one_ray import trace_one_ray
from raylocus.propagation.runtime.runtime import activate
print(trace_one_ray(activate().variant))
"""


@dataclass(frozen=True)
class MachineCheck:
    """One line of the doctor's answer."""

    name: str
    text: str
    fix: str = ""
    """What to do; empty where nothing is wrong."""


def run_doctor(arguments: Sequence[str]) -> int:
    """Prints the findings; 0 where this machine can trace, 2 where it cannot."""
    verb_parser("doctor", "Say what this machine can trace with, and the fix if it cannot.").parse(arguments)
    tracing = list(_tracing())
    findings = [*_versions(), *tracing, *_machine(), *_extras()]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{finding.name:<{width}}  {finding.text}")
    for finding in findings:
        if finding.fix:
            print(f"fix: {finding.fix}")
    return 2 if any(finding.fix for finding in tracing) else 0


def _versions() -> Iterator[MachineCheck]:
    yield MachineCheck("raylocus", metadata.version("raylocus"))
    yield MachineCheck("python", f"{platform.python_version()} ({sys.executable})")
    yield from (MachineCheck(name, version) for name, version in versions().items() if name != "raylocus")


def _tracing() -> Iterator[MachineCheck]:
    try:
        runtime = find_runtime()
    except RuntimeUnavailableError as error:
        yield MachineCheck("tracing", "nothing on this machine can trace", fix=str(error))
        return
    yield MachineCheck("tracing", f"{runtime.variant} ({runtime.source})")
    yield MachineCheck("library", _library(runtime))
    yield from (MachineCheck("note", note) for note in runtime.notes)
    yield _one_ray()


def _library(runtime: Runtime) -> str:
    if runtime.library is None:
        return "no libLLVM; CUDA alone traces"
    version = ".".join(map(str, runtime.library.version))
    return f"{runtime.library.path} (LLVM {version}, from {runtime.library.source})"


def _one_ray() -> MachineCheck:
    # A process of its own, so that a compiler that aborts is reported and not suffered.
    answer = subprocess.run([sys.executable, "-c", _ONE_RAY], capture_output=True, text=True, check=False)
    lines = answer.stdout.split()
    if answer.returncode == 0 and lines and abs(float(lines[-1]) - EXPECTED_DISTANCE) < 1e-4:
        return MachineCheck("one ray", f"meets a box at {float(lines[-1]):.3f} m, as it must")
    last = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
    return MachineCheck(
        "one ray",
        f"failed: {last}",
        fix="reinstall the tested versions: pip install -c constraints.txt -e .",
    )


def _machine() -> Iterator[MachineCheck]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    disk = shutil.disk_usage(Path.cwd()).free / 1e9
    yield MachineCheck("cores", str(worker_count()))
    few = f"the demo wants {NEEDED_MEMORY_GB:.0f} GB of memory" if memory < NEEDED_MEMORY_GB else ""
    yield MachineCheck("memory", f"{memory:.1f} GB", fix=few)
    full = f"free some disk: the demo wants {NEEDED_DISK_GB:.0f} GB" if disk < NEEDED_DISK_GB else ""
    yield MachineCheck("free disk", f"{disk:.1f} GB in {Path.cwd()}", fix=full)


def _extras() -> Iterator[MachineCheck]:
    absent = {package: extra for package, extra in OPTIONAL_PACKAGES.items() if find_spec(package) is None}
    for package, extra in absent.items():
        yield MachineCheck(
            package, "not installed", fix=f"to train and evaluate: pip install 'raylocus[{extra}]'"
        )
