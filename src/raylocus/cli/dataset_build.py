"""`raylocus dataset build`: reports of phones in many worlds of many places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import VerbParser, progress_lines, recipe_file, verb_parser
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.datasets.build import BuildPart
    from raylocus.datasets.building.task import Engine
    from raylocus.datasets.store_writing import Skipped


def run(arguments: Sequence[str]) -> int:
    """Builds the dataset, or one part of it; a second run does only what is missing."""
    given = _parser().parse(arguments)
    from raylocus.datasets.build import build_dataset, build_part
    from raylocus.datasets.configuration import load_dataset_configuration

    configuration = load_dataset_configuration(recipe_file("dataset", given.config))
    with engine_of(given.engine, given.workers, given.address, configuration) as engine:
        if given.part is not None:
            remaining = build_part(configuration, given.out, _part(given.part), _listener, engine)
            _print_skipped(remaining.skipped)
            print(_what_remains(given, remaining))
            return 0
        _print_skipped(build_dataset(configuration, given.out, _listener, engine))
    print(f"{given.out} written; see: raylocus dataset inspect {given.out}")
    return 0


def engine_of(name: str, workers: int | None, address: str | None, configuration: Any) -> Engine:
    """The engine of a name; as many workers as memory allows where none are asked for.

    Args:
        name: local or ray.
        workers: how many, or None.
        address: of a Ray cluster.
        configuration: a `DatasetConfiguration`.

    Raises:
        InputError: the options contradict each other.
    """
    from raylocus.datasets.building.engines import LocalProcesses, RayCluster, workers_for
    from raylocus.datasets.building.task import ThisProcess

    if workers is not None and workers < 1:
        raise InputError(f"--workers takes 1 or more, not {workers}")
    if address is not None and name != "ray":
        raise InputError("--address is that of a Ray cluster; give --engine ray with it")
    count = workers or workers_for(configuration)
    if name == "ray":
        return RayCluster(count, address)
    return ThisProcess() if count == 1 else LocalProcesses(count)


def _parser() -> VerbParser:
    parser = verb_parser("dataset build", "Observe phones in many worlds of many places.")
    parser.add_argument(
        "config", type=str, help="dataset configuration: a YAML file, or a recipe such as demo"
    )
    parser.add_argument(
        "--out", type=str, required=True, help="dataset, such as datasets/demo.zarr or s3://bucket/demo.zarr"
    )
    parser.add_argument("--part", type=str, help="do only share I of N of the work, as I/N; then run without")
    parser.add_argument("--workers", type=int, help="worker processes; by default as many as memory allows")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="what performs the work")
    parser.add_argument("--address", type=str, help="Ray cluster to use; one is started here by default")
    return parser


def _part(text: str) -> BuildPart:
    from raylocus.datasets.build import BuildPart

    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found:
        raise InputError(f"--part takes I/N such as 2/8, not {text!r}")
    return BuildPart(int(found[1]), int(found[2]))


def _listener(units: str) -> Any:
    return progress_lines(units, lambda line: print(line, flush=True))


def _print_skipped(skipped: Sequence[Skipped]) -> None:
    for each in skipped:
        print(f"skipped a place: {each.reason}")


def _what_remains(given: Any, remaining: Any) -> str:
    last = f"finish with: raylocus dataset build {given.config} --out {given.out}"
    if not remaining.places and not remaining.worlds:
        return f"everything is observed; {last}"
    return f"{remaining.places} places and {remaining.worlds} worlds remain for the other parts; at the end, {last}"
