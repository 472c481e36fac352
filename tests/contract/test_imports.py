"""Imports run one way, as the map in docs/architecture.md says, and starting is light."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "raylocus"
#: The stages, left to right; a file may import its own and what lies left of it.
STAGES = (
    "ground",
    "execution",
    "scenes",
    "propagation",
    "network",
    "calibration",
    "datasets",
    "models",
    "training",
    "evaluation",
    "inference",
    "viz",
    "service",
    "cli",
)
GROUND = {
    "geo",
    "units",
    "provenance",
    "errors",
    "json_text",
    "nearest",
    "storage",
    "xarray_store",
    "ragged",
    "yaml_text",
}
TRACERS = {"sionna", "mitsuba", "drjit"}


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@cache
def imported(file: Path) -> tuple[str, ...]:
    """Every module that a file imports, also inside functions and under TYPE_CHECKING."""
    return tuple(_imported(file))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(file)} imports relatively; name the module in full"
            assert node.module is not None
            yield node.module
            if node.module == "raylocus":
                yield from (f"raylocus.{alias.name}" for alias in node.names)


def stage_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "raylocus" or len(parts) == 1:
        return None
    return "ground" if parts[1] in GROUND else parts[1]


def stage_of_file(file: Path) -> str | None:
    return stage_of(".".join(["raylocus", *file.relative_to(SOURCE).with_suffix("").parts]))


def test_every_folder_is_a_known_stage() -> None:
    folders = {file.relative_to(SOURCE).parts[0] for file in files() if file.parent != SOURCE}
    assert folders == set(STAGES) - {"ground"}
    assert {file.stem for file in SOURCE.glob("*.py")} <= GROUND | {"__init__", "__main__"}


def test_imports_run_left_to_right() -> None:
    unknown, backwards = [], []
    pairs = [(file, module) for file in files() for module in imported(file)]
    for file, module in pairs:
        own, stage = stage_of_file(file), stage_of(module)
        if own in (None, "__init__", "__main__") or stage is None:
            continue
        if stage not in STAGES:
            unknown.append(f"{name(file)} imports {module}, which is no stage")
        elif STAGES.index(stage) > STAGES.index(own):
            backwards.append(f"{name(file)} ({own}) imports {module} ({stage})")
    assert not unknown and not backwards, [*unknown, *backwards]


def test_only_propagation_knows_the_tracers() -> None:
    found = [
        f"{name(file)} imports {module}; only propagation may"
        for file in files()
        if stage_of_file(file) != "propagation"
        for module in imported(file)
        if module.split(".")[0] in TRACERS
    ]
    assert not found


def test_package_files_hold_a_docstring_and_nothing_else() -> None:
    lazy = (ast.Expr, ast.FunctionDef, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.If)
    for file in SOURCE.rglob("__init__.py"):
        tree = ast.parse(file.read_text())
        assert ast.get_docstring(tree), f"{name(file)} has no docstring"
        allowed = lazy if file.parent == SOURCE else ast.Expr
        assert all(isinstance(node, allowed) for node in tree.body), (
            f"{name(file)} does more than say what it is"
        )


def modules_after(code: str) -> set[str]:
    """Top-level names of the modules loaded by a fresh interpreter after running the code."""
    script = f"{code}\nimport sys\nprint('LOADED', *{{module.split('.')[0] for module in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(answer.stdout.split("LOADED ")[1].split())


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["scene", "--help"], ["nonsense"]], ids=" ".join
)
def test_the_command_line_starts_light(words: list[str]) -> None:
    loaded = modules_after(f"from raylocus.cli.main import main\nmain({words!r})")
    assert not loaded & {"torch", "lightning", "numpy", *TRACERS}


def test_opening_and_locating_load_no_tracer() -> None:
    # One process for all, as most of the time goes into loading torch.
    doors = [
        "raylocus",
        "raylocus.network.observe",
        "raylocus.network.reports.report_files",
        "raylocus.propagation.maps.traced_place",
        "raylocus.inference.locator",
        "raylocus.service.http.app",
        "raylocus.service.area_engine",
    ]
    script = f"""
import importlib, sys
for door in {doors}:
    importlib.import_module(door)
    found = {TRACERS} & set(sys.modules)
    assert not found, (door, found)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert not answer.returncode, answer.stderr


def rooms(folder: Path) -> dict[str, set[str]]:
    """Which rooms, files and folders of a folder, each of its rooms imports from."""
    within = ".".join(["raylocus", *folder.relative_to(SOURCE).parts, ""])
    arrows: dict[str, set[str]] = defaultdict(set)
    for file in folder.rglob("*.py"):
        own = file.relative_to(folder).with_suffix("").parts[0]
        for module in imported(file):
            if module.startswith(within):
                arrows[own].add(module.removeprefix(within).split(".")[0])
    return {own: others - {own} for own, others in arrows.items()}


@pytest.mark.parametrize("folder", sorted({file.parent for file in files()} - {SOURCE}), ids=name)
def test_no_room_is_imported_back(folder: Path) -> None:
    try:
        TopologicalSorter(rooms(folder)).prepare()
    except CycleError as error:
        pytest.fail(f"rooms of {name(folder)} import each other in a circle: {' → '.join(error.args[1])}")


def mapped_rooms() -> dict[str, set[str]]:
    """Rooms of each stage that the map in docs/architecture.md names: folders, files, or several by a pattern."""
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text()
    table = page.split("Rooms inside the larger stages")[1].split("\n## ")[0]
    rooms: dict[str, set[str]] = {}
    stage = ""
    for first, second in re.findall(r"^\| (`\w+`)? ?\| (`.+?) \|", table, re.MULTILINE):
        stage = first.strip("`") or stage
        rooms.setdefault(stage, set()).update(re.findall(r"`([\w*]+)`", second))
    return rooms


@pytest.mark.parametrize("stage", STAGES[1:])
def test_the_map_of_the_architecture_has_every_room_and_no_other(stage: str) -> None:
    folder, named = SOURCE / stage, mapped_rooms().get(stage, set())
    assert {room.parent.name for room in folder.glob("*/__init__.py")} <= named
    there = {path.stem for path in folder.iterdir()}
    assert not [room for room in named if not fnmatch.filter(there, room)]


def test_the_order_of_the_stages_is_the_one_that_imports_keep() -> None:
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text()
    ground, stages = re.findall(r"^(geo .+)\n  < (.+)$", page, re.MULTILINE)[0]
    assert set(ground.split()) == GROUND and tuple(stages.split(" < ")) == STAGES[1:]
    assert re.findall(r"^\| `(\w+)` \| [^|]+\? ", page, re.MULTILINE) == list(STAGES[1:-1])
