"""`raylocus dataset build`: reports of phones in many worlds of many places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from raylocus.cli.parsing import verb_parser
from raylocus.cli.progress import progress_lines


def run(arguments: Sequence[str]) -> int:
    """Builds the dataset; a second run does only what is missing."""
    parser = verb_parser("dataset build", "Observe phones in many worlds of many places.")
    parser.add_argument("config", type=Path, help="dataset configuration, such as configs/dataset/demo.yaml")
    parser.add_argument("--out", type=Path, required=True, help="dataset, such as datasets/demo.zarr")
    given = parser.parse(arguments)
    from raylocus.datasets.build import build_dataset
    from raylocus.datasets.configuration import load_dataset_configuration

    build_dataset(load_dataset_configuration(given.config), given.out, progress_lines("worlds", print))
    print(f"{given.out} written; see: raylocus dataset inspect {given.out}")
    return 0
