"""`raylocus dataset build`: reports of phones in many worlds of many places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raylocus.cli.console import (
    VerbParser,
    add_engine_arguments,
    engine_of,
    progress_lines,
    recipe_file,
    verb_parser,
)
from raylocus.errors import InputError

if TYPE_CHECKING:
    from raylocus.datasets.build import BuildPart
    from raylocus.datasets.store_writing import Skipped


def run_dataset_build(arguments: Sequence[str]) -> int:
    """Builds the dataset, or one part of it; a second run does only what is missing."""
    given = _parser().parse(arguments)
    from raylocus.datasets.build import build_dataset, build_part
    from raylocus.datasets.building.work import workers_for
    from raylocus.datasets.configuration import load_dataset_configuration

    configuration = load_dataset_configuration(recipe_file("dataset", given.config))
    with engine_of(given.engine, given.workers, given.address, lambda: workers_for(configuration)) as engine:
        if given.part is not None:
            remaining = build_part(configuration, given.out, _part(given.part), progress_lines, engine)
            _print_skipped(remaining.skipped)
            print(_what_remains(given, remaining))
            return 0
        _print_skipped(build_dataset(configuration, given.out, progress_lines, engine))
    print(f"{given.out} written; see: raylocus dataset inspect {given.out}")
    return 0


def _parser() -> VerbParser:
    parser = verb_parser("dataset build", "Observe phones in many worlds of many places.")
    parser.add_argument(
        "config", type=str, help="dataset configuration: a YAML file, or a recipe such as demo"
    )
    parser.add_argument(
        "--out", type=str, required=True, help="dataset, such as datasets/demo.zarr or s3://bucket/demo.zarr"
    )
    parser.add_argument("--part", type=str, help="do only share I of N of the work, as I/N; then run without")
    add_engine_arguments(parser)
    return parser


def _part(text: str) -> BuildPart:
    from raylocus.datasets.build import BuildPart

    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found:
        raise InputError(f"--part takes I/N such as 2/8, not {text!r}")
    return BuildPart(int(found[1]), int(found[2]))


def _print_skipped(skipped: Sequence[Skipped]) -> None:
    for each in skipped:
        print(f"skipped a place: {each.reason}")


def _what_remains(given: Any, remaining: Any) -> str:
    last = f"finish with: raylocus dataset build {given.config} --out {given.out}"
    if not remaining.places and not remaining.worlds:
        return f"everything is observed; {last}"
    return f"{remaining.places} places and {remaining.worlds} worlds remain for the other parts; at the end, {last}"
