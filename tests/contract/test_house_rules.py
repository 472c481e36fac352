"""What a stranger can rely on: documented, small, plainly named; the README is true."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import yaml

from raylocus.cli.main import VERBS

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "raylocus"
FILES = sorted(SOURCE.rglob("*.py"))
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
#: The size rule of CONTRIBUTING.md: lines of a file, and code lines of a function (median, nine in ten, longest).
LONGEST_FILE = 250
FUNCTION_MEDIAN, FUNCTION_NINE_IN_TEN, LONGEST_FUNCTION = 7, 20, 45
#: Tokens that are no code.
SILENT = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)
#: Distributions by the modules that they bring.
DISTRIBUTIONS = metadata.packages_distributions()


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def nodes(file: Path) -> tuple[ast.AST, ...]:
    """All of a file's syntax tree."""
    return tuple(ast.walk(tree(file)))


def name(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def undocumented(body: list[ast.stmt]) -> list[str]:
    """Public classes, functions and methods without a docstring."""
    found = []
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        overload = any("overload" in ast.dump(decorator) for decorator in getattr(node, "decorator_list", []))
        if node.name.startswith("_") or overload:
            continue
        if ast.get_docstring(node) is None:
            found.append(node.name)
        if isinstance(node, ast.ClassDef):
            found += [f"{node.name}.{inner}" for inner in undocumented(node.body)]
    return found


def unannotated(file: Path) -> list[str]:
    """Functions with an argument or a result without a type."""
    found = []
    for node in nodes(file):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [each.arg for each in arguments if each.annotation is None and each.arg not in ("self", "cls")]
        if bare or (node.returns is None and node.name != "__init__"):
            found.append(node.name)
    return found


def bound_twice(module: ast.Module) -> list[str]:
    """Names of a module that a later line binds again: two files that became one may both have had one."""
    names = []
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if not any("overload" in ast.dump(decorator) for decorator in node.decorator_list):
                names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = [each for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            names += [each.id for each in found if isinstance(each.ctx, ast.Store)]
    return [each for each in dict.fromkeys(names) if names.count(each) > 1]


def test_a_module_binds_each_name_once() -> None:
    assert bound_twice(ast.parse("A, B = 1, 2\ndef f(): ...\nB: int = 3\nf = A")) == ["B", "f"]
    assert not {name(file): found for file in FILES if (found := bound_twice(tree(file)))}


def test_everything_public_is_documented() -> None:
    silent = [name(file) for file in FILES if not ast.get_docstring(tree(file))]
    assert not silent, f"these files do not say what they are: {silent}"
    assert not [f"{name(file)}: {each}" for file in FILES for each in undocumented(tree(file).body)]


def test_everything_has_a_type() -> None:
    assert not [f"{name(file)}: {each}" for file in FILES for each in unannotated(file)]


def function_sizes(file: Path) -> Iterator[tuple[int, str]]:
    """Code lines of each function, its docstring, comments and blank lines apart, and where it is."""
    text = file.read_text()
    tokens = [
        each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.type not in SILENT
    ]
    code = {line for each in tokens for line in range(each.start[0], each.end[0] + 1)}
    for node in nodes(file):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            silent = range(first.lineno, (first.end_lineno or 0) + 1) if ast.get_docstring(node) else ()
            own = set(range(node.lineno, (node.end_lineno or 0) + 1)) & code - set(silent)
            yield len(own), f"{name(file)}:{node.lineno} {node.name}"


def test_files_and_functions_are_short() -> None:
    assert not [name(file) for file in FILES if len(file.read_text().splitlines()) > LONGEST_FILE]
    sizes = sorted(each for file in FILES for each in function_sizes(file))
    assert sizes[len(sizes) // 2][0] <= FUNCTION_MEDIAN
    assert sizes[len(sizes) * 9 // 10][0] <= FUNCTION_NINE_IN_TEN
    assert not [where for lines, where in sizes if lines > LONGEST_FUNCTION]


def test_files_are_plainly_named() -> None:
    assert not [name(file) for file in FILES if set(re.split(r"[_/.]", name(file).lower())) & BANNED_NAMES]


def test_generators_are_passed_in() -> None:
    functions = "seed|rand|randn|randint|normal|uniform|choice|shuffle|permutation"
    global_draws = rf"np\.random\.({functions})\(|(?m:^\s*import random$)"
    assert not [name(file) for file in FILES if re.search(global_draws, file.read_text())]


def test_sorting_keeps_equals_in_their_order() -> None:
    # Unstable sorts are another algorithm on each processor, so equals would change places.
    unstable = [
        f"{name(file)}:{node.lineno}"
        for file in FILES
        for node in nodes(file)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("argsort", "argpartition")
        and not {"kind", "stable"} & {keyword.arg for keyword in node.keywords}
    ]
    assert not unstable


def test_the_readme_names_the_commands() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme
    missing = [words for verb in VERBS if (words := " ".join(["raylocus", *verb.words])) not in readme]
    assert not missing


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    lines = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    parts = [re.match(r"part (make \w+)", line) for line in lines]
    assert {part[1] for part in parts if part} == {"make lint", "make types", "make test", "make wheel"}


def test_continuous_integration_uses_the_built_wheel_in_an_empty_folder() -> None:
    lines = (REPOSITORY / ".ci" / "wheel").read_text().splitlines()
    assert "set -euo pipefail" in lines
    commands = [line.removeprefix('"$raylocus" ') for line in lines if line.startswith('"$raylocus" ')]
    assert commands == ["doctor", "demo --recipe tiny"]
    assert any("pip wheel" in line and "--no-deps" in line for line in lines)
    assert 'cd "$work/empty"' in lines


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *(REPOSITORY / "docs").rglob("*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if not target.startswith(("http://", "https://", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def named_modules(text: str) -> Iterator[str]:
    """Python files, and in backticks dotted modules of a stage and paths that begin with a room, that a text names."""
    yield from re.findall(r"[\w/]+\.py\b", text)
    rooms = "|".join({file.parent.name for file in FILES})
    yield from re.findall(rf"`((?:{rooms})(?:/\w+)+)`", text)
    stages = "|".join(folder.name for folder in SOURCE.iterdir() if folder.is_dir())
    yield from re.findall(rf"`((?:{stages})(?:\.\w+)+)`", text)


@cache
def own_paths() -> tuple[str, ...]:
    """Files and folders of the package."""
    return tuple(str(path) for path in SOURCE.rglob("*") if "__pycache__" not in path.parts) + (str(SOURCE),)


@cache
def own_files() -> tuple[str, ...]:
    return tuple(str(file) for file in REPOSITORY.rglob("*.py") if ".venv" not in file.parts)


def exists(named: str) -> bool:
    if named.endswith(".py"):
        return any(file.endswith(f"/{named}") for file in own_files())
    if "/" in named:
        return any(f"/{path}".endswith((f"/{named}.py", f"/{named}")) for path in own_paths())
    parts = named.split(".")
    return (
        any((SOURCE / Path(*parts[:count])).with_suffix(".py").exists() for count in range(2, len(parts) + 1))
        or (SOURCE / Path(*parts)).is_dir()
    )


def test_documents_and_docstrings_name_modules_that_exist() -> None:
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]
    stale = {
        f"{page.relative_to(REPOSITORY)}: {named}"
        for page in [*pages, *FILES, *(REPOSITORY / "benchmarks").glob("*.py")]
        for named in set(named_modules(page.read_text()))
        if not exists(named)
    }
    assert not stale


def test_constraints_are_exact_and_name_no_machine() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.\-]+==[A-Za-z0-9.]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins


def test_every_import_is_a_declared_requirement() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = [
        *project["dependencies"],
        *project["optional-dependencies"]["train"],
        *project["optional-dependencies"]["parquet"],
        *project["optional-dependencies"]["serve"],
        "ray",
    ]
    declared = {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in needed}
    modules = {module.split(".")[0] for file in FILES for module in absolute_imports(file)}
    foreign = modules - set(sys.stdlib_module_names) - {"raylocus"}
    brought = {module: {name.lower() for name in DISTRIBUTIONS.get(module, [module])} for module in foreign}
    # sionna-rt pins its own mitsuba and drjit.
    undeclared = {
        module for module, names in brought.items() if not names & (declared | {"mitsuba", "drjit"})
    }
    assert not undeclared


@cache
def defined_in(file: Path) -> set[str]:
    """Names that a module binds, those it imports included."""
    bound = {
        each.id for each in nodes(file) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    imported = {(each.asname or each.name) for each in nodes(file) if isinstance(each, ast.alias)}
    made = {each.name for each in nodes(file) if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    return bound | imported | made


def holds(module: Path, imported: str) -> bool:
    """Whether a name can be imported from a module or from a folder of modules."""
    if module.is_dir():
        return (module / imported).is_dir() or (module / f"{imported}.py").exists()
    return module.with_suffix(".py").exists() and imported in defined_in(module.with_suffix(".py"))


def test_benchmarks_and_examples_import_what_exists() -> None:
    scripts = [*(REPOSITORY / "benchmarks").glob("*.py"), *(REPOSITORY / "examples").glob("*.py")]
    missing = [
        f"{script.name}: {node.module}.{each.name}"
        for script in scripts
        for node in nodes(script)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("raylocus.")
        for each in node.names
        if not holds(SOURCE.parent.joinpath(*str(node.module).split(".")), each.name)
    ]
    assert scripts and not missing


def module_attributes(script: Path) -> Iterator[tuple[Path, str]]:
    """Modules of raylocus that a script imports whole, each with the names that it takes of them."""
    modules = {
        each.asname or each.name: SOURCE.parent.joinpath(*str(node.module).split("."), f"{each.name}.py")
        for node in nodes(script)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("raylocus")
        for each in node.names
    }
    for node in nodes(script):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            file = modules.get(node.value.id)
            if file is not None and file.exists():
                yield file, node.attr


def test_what_scripts_take_of_a_module_is_in_it() -> None:
    scripts = [*(REPOSITORY / "benchmarks").glob("*.py"), *(REPOSITORY / "examples").glob("*.py")]
    taken = [(script, *pair) for script in scripts for pair in module_attributes(script)]
    missing = [
        f"{script.name}: {file.stem}.{attribute}"
        for script, file, attribute in taken
        if attribute not in defined_in(file)
    ]
    assert taken and not missing


def test_training_ends_by_steps_and_never_by_the_clock() -> None:
    recipes = {
        file.name: yaml.safe_load(file.read_text()) for file in (SOURCE / "recipes" / "train").glob("*.yaml")
    }
    assert "demo.yaml" in recipes
    for name, recipe in recipes.items():
        trainer = recipe["trainer"]
        assert recipe["model"]["schedule"]["steps"] > 0 and trainer["max_epochs"] == -1, name
        assert "max_time" not in trainer and "max_minutes" not in str(recipe), name


def absolute_imports(file: Path) -> set[str]:
    plain = {alias.name for node in nodes(file) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in nodes(file) if isinstance(node, ast.ImportFrom) and node.module}


def test_every_requirement_is_constrained() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = ("train", "ray", "s3", "serve", "dev")
    requirements = [*project["dependencies"], *(each for name in names for each in extras[name])]
    names = {re.split(r"[\[<>=; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements}
    text = (REPOSITORY / "constraints.txt").read_text().lower().replace("_", "-")
    pinned = {line.split("==")[0] for line in text.splitlines()}
    assert names <= pinned
