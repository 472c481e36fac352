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
from raylocus.evaluation.evaluation import Evaluation, evaluation_of, truth_of
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports

#: Features of positioning that most say where a phone is.
RANGING = ("rstd", "ue_rx_tx", "gnb_rx_tx", "ul_rtoa", "ul_aoa")

#: What is printed of `Evaluation.summary`.
SHOWN = ("p50", "p90", "nll", "coverage_50", "coverage_90", "coverage_95")

#: Side of the blocks [m] in which ground is counted that holds all but this mass.
BLOCK, LEFT_OUT = 32.0, 1e-3


def shares_of_the_window(posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """Of each phone's window: the blocks that all but `LEFT_OUT` of the mass is in, and the rectangle about them."""
    side = round(BLOCK / posterior.grid.resolution)
    count = posterior.grid.count // side
    whole = posterior.density[:, : count * side, : count * side].reshape(-1, count, side, count, side)
    mass = whole.sum((2, 4)).reshape(-1, count**2)
    order = np.argsort(-mass, axis=1, kind="stable")
    needed = (np.take_along_axis(mass, order, 1).cumsum(1) < 1 - LEFT_OUT).sum(1) + 1
    blocks = [np.unravel_index(row[:most], (count, count)) for row, most in zip(order, needed, strict=True)]
    around = [np.prod([np.ptp(axis) + 1 for axis in each]) for each in blocks]
    return needed / count**2, np.array(around) / count**2


def worlds(path: Path, phones: int) -> Iterator[tuple[Reports, MappedPlace]]:
    """Phones of each test world and the maps of its place."""
    dataset = open_report_dataset(path)
    places: dict[int, MappedPlace] = {}
    for world in np.unique(dataset.world_index[dataset.split == "test"]):
        part = dataset.select((dataset.split == "test") & (dataset.world_index == world))
        index = int(part.place_index[0])
        places.setdefault(index, nominal_maps(dataset.place(index)))
        yield part.reports.select(np.arange(min(phones, len(part.reports)))), places[index]


def reports_positioning(reports: Reports) -> bool:
    """Whether the network reports ranges or angles."""
    columns = [name in RANGING for name in reports.feature_names]
    return bool(reports.present[:, columns].any())


def _line(found: list[Evaluation]) -> str:
    scores = Evaluation.concatenate(found)
    numbers = scores.summary()
    return ", ".join([f"{len(scores)} phones", *(f"{name} {numbers[name]:.3f}" for name in SHOWN)])


def main() -> None:
    """Prints milliseconds a phone, and errors, likelihood and coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--phones", type=int, default=40, help="of each world at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    locator = Locator.load(arguments.model) if arguments.model else Locator.pretrained()
    together = 0.0
    alone = []
    found = []
    spread = []
    positioning = []
    for reports, place in worlds(arguments.dataset, arguments.phones):
        locator.fixes(reports.select(np.arange(1)), place)
        started = time.process_time()
        posterior = locator.posterior(reports, place)
        seconds = time.process_time() - started
        together += seconds
        found.append(evaluation_of(locator.name, posterior, truth_of(reports, place), seconds))
        positioning.append(reports_positioning(reports))
        spread.append(shares_of_the_window(posterior))
        for phone in range(len(reports)):
            one, started = reports.select(np.array([phone])), time.process_time()
            locator.fixes(one, place)
            alone.append(time.process_time() - started)
    scores = Evaluation.concatenate(found)
    print(f"{len(scores)} phones of {len(found)} worlds, one at a time and up to {arguments.phones} together")
    print(
        f"CPU ms a phone  alone {1000 * np.median(alone):.1f}, together {1000 * together / len(scores):.1f}"
    )
    for with_positioning in (False, True):
        part = [each for each, has in zip(found, positioning, strict=True) if has == with_positioning]
        if part:
            print(
                f"networks {'with' if with_positioning else 'without'} features of positioning:", _line(part)
            )
    blocks, around = (np.median(np.concatenate(each)) for each in zip(*spread, strict=True))
    print(f"all but {LEFT_OUT:g} of the mass: {blocks:.0%} of the window, rectangle about it {around:.0%}")


if __name__ == "__main__":
    main()
