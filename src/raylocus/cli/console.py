"""What all commands share: their parser, engines, progress, recipes, and the files that they write."""

from __future__ import annotations

import json
import math
import re
import time
from argparse import HelpFormatter
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser, Namespace, set_parsing_settings
from jsonargparse.typing import PositiveInt

from raylocus.errors import InputError
from raylocus.provenance import check_seed
from raylocus.storage import written_whole
from raylocus.yaml_text import limit_depth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from raylocus.execution.task import Engine

#: Endings of picture files that can be written.
FORMATS = (".png", ".svg", ".pdf")
#: Folders of `raylocus/recipes`.
Kind = Literal["dataset", "train", "benchmark", "ablation"]


#: What jsonargparse says of a value of another kind, and how the kinds are called.
_WRONG_KIND = re.compile(r"Parser key \"([\w.]+)\": Expected a <class '(int|float)'>\. Got value: (.*)")
_KINDS = {"int": "whole number", "float": "number"}
#: What it says of a count below 1, and of one that is no whole number.
_NO_COUNT = re.compile(r"Parser key \"([\w.]+)\": Not of type PositiveInt: (?:.*: '(.*)'|(\S+) does not .*)")


def _option(name: str) -> str:
    """An option as the command line has it: fields of configurations keep their underscores."""
    return f"--{name if '.' in name else name.replace('_', '-')}"


def _wrong_kind(found: re.Match[str]) -> str:
    return f"{_option(found[1])} takes a {_KINDS[found[2]]}, not {found[3]}"


def _no_count(found: re.Match[str]) -> str:
    return f"{_option(found[1])} takes a whole number of 1 or more, not {found[2] or found[3]}"


def _refuse_no_numbers(found: Namespace) -> None:
    """Refuses, with InputError, NaN and infinity, and seeds that no generator takes."""
    for name, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{_option(name)} is {value:g}; give a finite number")
        if name.rpartition(".")[2] == "seed" and isinstance(value, int):
            check_seed(_option(name), value)


def read_help(words: Sequence[str]) -> None:
    """Has parsers read what fields of configurations say of themselves, for help: where help is asked for.

    It takes most of the start of a training.
    """
    asked = any(word == "-h" or word.endswith("help") or "comments" in word for word in words)
    set_parsing_settings(docstring_parse_attribute_docstrings=asked)


class VerbParser(ArgumentParser):
    """A jsonargparse parser of one verb."""

    def parse(self, arguments: Sequence[str]) -> Namespace:
        """The values of the given words.

        Raises:
            InputError: a word is unknown, missing or of the wrong kind, a number not finite, or a seed out of range.
        """
        try:
            found = self.parse_args(list(arguments))
        except (SystemExit, InputError):
            raise
        except Exception as error:  # argparse and jsonargparse raise many kinds for a bad word
            sentence = _NO_COUNT.sub(_no_count, _WRONG_KIND.sub(_wrong_kind, _one_line(str(error))))
            raise InputError(f"{sentence}; see: {self.prog} --help") from error
        _refuse_no_numbers(found)
        return found

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help, with plain names of types."""
        text: str = super().format_help(formatter)
        return re.sub(r"<class\s+'(\w+)'>", r"\1", text)


def verb_parser(verb: str, description: str) -> VerbParser:
    """The parser of `raylocus VERB`."""
    limit_depth()
    return VerbParser(prog=f"raylocus {verb}", description=description, exit_on_error=False)


def tile_centre(text: str) -> tuple[float, float]:
    """The two numbers of `X,Y` [m].

    Raises:
        InputError: the text is not two numbers.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--tile takes two numbers of metres such as 0,512, not {text!r}") from error
    return x, y


def _one_line(message: str) -> str:
    return " ".join(message.split())[:400].rstrip(".")


def say(line: str) -> None:
    """Prints a line at once, also where the output is a pipe."""
    print(line, flush=True)


def progress_lines(
    unit: str, report: Callable[[str], None] = say, every: float = 15.0
) -> Callable[[int, int], None]:
    """A callback of (done, total) that reports a line at the most every few seconds, and at the end.

    Args:
        unit: what is counted, in the plural.
        report: called with each line.
        every: seconds between two lines.
    """
    started = reported = time.monotonic()
    before: int | None = None

    def callback(done: int, total: int) -> None:
        nonlocal reported, before
        # What an earlier run had done counts for nothing in the rate.
        before = done - 1 if before is None else before
        now = time.monotonic()
        if now - reported < every and done < total:
            return
        reported = now
        rate = max(done - before, 1) / max(now - started, 1e-6)
        left = (total - done) / rate
        report(f"      {done} of {total} {unit}, {rate:.2g} a second, {left:.0f} s left")

    return callback


def save_picture(figure: Figure, path: Path) -> None:
    """Writes the figure whole, in the format that the name ends with.

    Raises:
        InputError: the name ends with no known format.
        StorageFullError: the disk filled up.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"{path} must end with one of {', '.join(FORMATS)}")
    with written_whole(path) as aside:
        figure.savefig(aside, format=path.suffix[1:], dpi=150)
    print(f"{path} written")


def recipes(kind: Kind) -> dict[str, Path]:
    """The files of all recipes of a kind, by name."""
    folder = Path(str(resources.files("raylocus"))) / "recipes" / kind
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def recipe_file(kind: Kind, given: str | Path) -> Path:
    """The file of a recipe: one's own by its path, or one of raylocus' by its name.

    Raises:
        InputError: there is neither such a file nor such a recipe.
    """
    path, known = Path(given), recipes(kind)
    if path.is_file():
        return path
    if str(given) not in known:
        raise InputError(
            f"there is no file {given} and no {kind} recipe of that name; recipes are {', '.join(known)}"
        )
    return known[str(given)]


def save_table(text: str, record: object, file: Path) -> None:
    """Prints a table, and writes it as text next to a JSON file of the same.

    Raises:
        StorageFullError: the disk filled up.
    """
    with written_whole(file.with_suffix(".txt")) as aside:
        aside.write_text(text)
    with written_whole(file) as aside:
        aside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(text)


def add_engine_arguments(parser: VerbParser) -> None:
    """Adds `--workers`, `--engine` and `--address`."""
    parser.add_argument(
        "--workers", type=PositiveInt, help="worker processes; by default as many as memory allows"
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="what performs the work")
    parser.add_argument("--address", type=str, help="Ray cluster to use; one is started here by default")


def engine_of(name: str, workers: int | None, address: str | None, fitting: Callable[[], int]) -> Engine:
    """The engine of a name.

    Args:
        name: local or ray.
        workers: how many, 1 or more, or None.
        address: of a Ray cluster, or None.
        fitting: how many workers memory allows; asked where no number is given.

    Raises:
        InputError: the options contradict each other.
    """
    from raylocus.execution.engines import LocalProcesses, RayCluster
    from raylocus.execution.task import ThisProcess

    if address is not None and name != "ray":
        raise InputError("--address is that of a Ray cluster; give --engine ray with it")
    count = workers or fitting()
    if name == "ray":
        return RayCluster(count, address)
    return ThisProcess() if count == 1 else LocalProcesses(count)
