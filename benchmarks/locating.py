"""What one phone costs the locator, alone and among others, and what its answers are worth.

    python benchmarks/locating.py datasets/pretrained.zarr [--model CKPT] [--phones 40]

Phones of every test world are located together, and then one by one, with maps that are encoded before the clock
starts: processor time of one thread, so other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from raylocus.datasets.store import open_report_dataset
from raylocus.evaluation.evaluate import truth_of
from raylocus.evaluation.evaluation import Evaluation, evaluation_of
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.network.reports.reports import Reports

#: What is printed of `Evaluation.summary`.
SHOWN = ("p50", "p90", "nll", "coverage_50", "coverage_90", "coverage_95")


def worlds(path: Path, phones: int) -> Iterator[tuple[Reports, MappedPlace]]:
    """Phones of each test world and the maps of its place."""
    dataset, places = open_report_dataset(path), {}
    for world in np.unique(dataset.world_index[dataset.split == "test"]):
        part = dataset.select((dataset.split == "test") & (dataset.world_index == world))
        index = int(part.place_index[0])
        places.setdefault(index, nominal_maps(dataset.place(index)))
        yield part.reports.select(np.arange(min(phones, len(part.reports)))), places[index]


def main() -> None:
    """Prints milliseconds a phone, and errors, likelihood and coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--phones", type=int, default=40, help="of each world at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    locator = Locator.load(arguments.model) if arguments.model else Locator.pretrained()
    together, alone, found = 0.0, [], []
    for reports, place in worlds(arguments.dataset, arguments.phones):
        locator.fixes(reports.select(np.arange(1)), place)
        started = time.process_time()
        posterior = locator.posterior(reports, place)
        seconds = time.process_time() - started
        together += seconds
        found.append(evaluation_of(locator.name, posterior, truth_of(reports, place), seconds))
        for phone in range(len(reports)):
            one, started = reports.select(np.array([phone])), time.process_time()
            locator.fixes(one, place)
            alone.append(time.process_time() - started)
    scores = Evaluation.concatenate(found)
    numbers = scores.summary()
    print(f"{len(scores)} phones of {len(found)} worlds, one at a time and up to {arguments.phones} together")
    print(
        f"CPU ms a phone  alone {1000 * np.median(alone):.1f}, together {1000 * together / len(scores):.1f}"
    )
    print(", ".join(f"{name} {numbers[name]:.3f}" for name in SHOWN))


if __name__ == "__main__":
    main()
