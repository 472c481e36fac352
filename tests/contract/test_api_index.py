"""What docs/api.md lists can be imported, says what it is, and is imported no earlier than it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import raylocus

INDEX = Path(__file__).parents[2] / "docs" / "api.md"
HEAVY = ("torch", "numpy", "sionna", "mitsuba", "drjit", "lightning")


def listed() -> list[str]:
    return re.findall(r"^\| `raylocus\.([\w.]+)` \| \S", INDEX.read_text(), re.MULTILINE)


def imported(name: str) -> object:
    module, _, last = name.rpartition(".")
    return getattr(import_module(f"raylocus.{module}") if module else raylocus, last)


def printed(program: str) -> str:
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_every_listed_name_is_there_and_documented() -> None:
    names = listed()
    assert len(names) > 100 and len(names) == len(set(names))
    assert [name for name in names if not (imported(name).__doc__ or "").strip()] == []


def test_every_public_name_is_listed() -> None:
    stages = {"scenes", "propagation", "network"}
    assert {name for name in listed() if "." not in name} == set(raylocus.__all__) - stages


def test_looking_around_loads_nothing() -> None:
    program = f"import sys, raylocus; dir(raylocus); print([m for m in {HEAVY} if m in sys.modules])"
    assert printed(program) == "[]\n"
