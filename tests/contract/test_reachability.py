"""Nothing is kept that no entry point, name of the API index or documented benchmark reaches.

The walk is over definitions: every top-level function, class and constant of the package, from the names that its
body mentions. What a module does when it is imported counts as soon as one of its definitions is reached.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import raylocus
from raylocus.cli.main import VERBS

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "raylocus"
#: Definitions by module and name.
Definition = tuple[str, str]
#: Rooms of independent answers, which tests and benchmarks ask and the product never does.
ORACLES = "raylocus.propagation.oracles"


@dataclass(frozen=True)
class Module:
    """What a module defines, what it does when imported, and where its names come from."""

    name: str
    definitions: dict[str, list[ast.stmt]]
    body: list[ast.stmt]
    imports: dict[str, Definition]


def module_name(file: Path) -> str:
    parts = ["raylocus", *file.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST) -> dict[str, Definition]:
    """Local names of what is imported anywhere: a name of a module, or a module itself with the name ''."""
    found: dict[str, Definition] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("raylocus"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found[alias.asname or alias.name] = (
                    (whole, "") if whole in modules_by_name() else (str(node.module), alias.name)
                )
    return found


@cache
def modules_by_name() -> dict[str, Path]:
    return {module_name(file): file for file in sorted(SOURCE.rglob("*.py"))}


@cache
def modules() -> dict[str, Module]:
    return {name: parsed(name, file) for name, file in modules_by_name().items()}


def parsed(name: str, file: Path) -> Module:
    tree = ast.parse(file.read_text())
    definitions: dict[str, list[ast.stmt]] = {}
    body: list[ast.stmt] = []
    for node in tree.body:
        names = list(defined(node))
        for each in names:
            definitions.setdefault(each, []).append(node)
        if not names and not isinstance(node, ast.Import | ast.ImportFrom):
            body.append(node)
    return Module(name, definitions, body, imports_of(tree))


def defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def mentioned(
    nodes: list[ast.stmt], imports: dict[str, Definition], own: Module | None
) -> Iterator[Definition]:
    """Definitions that statements name, also in annotations and as attributes of imported modules."""
    for node in (each for statement in nodes for each in ast.walk(statement)):
        if isinstance(node, ast.Name):
            if own and node.id in own.definitions:
                yield own.name, node.id
            elif node.id in imports:
                yield imports[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            home = imports.get(node.value.id)
            if home and not home[1]:
                yield home[0], node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from by_string(node.value)


def by_string(text: str) -> Iterator[Definition]:
    """`raylocus.module.Name` and `raylocus.module` as strings say them: class paths, lazy imports."""
    if re.fullmatch(r"raylocus(\.\w+)+", text):
        module, _, name = text.rpartition(".")
        if text in modules_by_name():
            yield text, ""
        elif module in modules_by_name():
            yield module, name


def reached_from(roots: set[Definition]) -> set[Definition]:
    found: set[Definition] = set()
    waiting = list(roots)
    while waiting:
        definition = waiting.pop()
        module = modules().get(definition[0])
        if definition in found or module is None:
            continue
        found.add(definition)
        waiting.append((definition[0], ""))
        nodes = module.definitions.get(definition[1], []) if definition[1] else module.body
        waiting.extend(mentioned(nodes, module.imports, module))
        if definition[1] in module.imports:  # handed on from elsewhere
            waiting.append(module.imports[definition[1]])
    return found


def script_roots(file: Path) -> set[Definition]:
    tree = ast.parse(file.read_text())
    return set(imports_of(tree).values()) | set(mentioned(tree.body, imports_of(tree), None))


def documented_benchmarks() -> set[Path]:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"benchmarks/(\w+\.py)", page.read_text())}
    files = {REPOSITORY / "benchmarks" / name for name in named}
    for file in list(files):  # and what they share
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (neighbour := file.parent / f"{node.module}.py").exists():
                files.add(neighbour)
    return files


def roots() -> set[Definition]:
    found: set[Definition] = {("raylocus.cli.main", "main")}
    found |= {(f"raylocus.cli.{verb.module}", verb.function) for verb in VERBS}
    found |= {("raylocus", "__getattr__")} | {(home, name) for name, home in raylocus._HOMES.items()}
    index = (REPOSITORY / "docs" / "api.md").read_text()
    found |= {each for path in re.findall(r"`(raylocus(?:\.\w+)+)`", index) for each in by_string(path)}
    settings = [file for folder in ("configs", "src") for file in (REPOSITORY / folder).rglob("*.yaml")]
    for file in settings:
        for path in re.findall(r"raylocus(?:\.\w+)+", file.read_text()):
            found |= set(by_string(path))
    for script in [*documented_benchmarks(), *(REPOSITORY / "examples").glob("*.py")]:
        found |= script_roots(script)
    return found


def test_every_definition_is_reached_from_a_front_door() -> None:
    reached = reached_from(roots())
    every = {(module.name, name) for module in modules().values() for name in module.definitions}
    unreached = sorted(
        f"{module}.{name}"
        for module, name in every - reached
        if not module.startswith(ORACLES) and not name.startswith("__")
    )
    assert not unreached, "reached by tests only, or by nothing:\n" + "\n".join(unreached)


def test_every_benchmark_is_documented() -> None:
    missing = {file.name for file in (REPOSITORY / "benchmarks").glob("*.py")} - {
        file.name for file in documented_benchmarks()
    }
    assert not missing
