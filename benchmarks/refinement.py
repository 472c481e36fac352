"""Estimates as the network has them and refined by gradient: errors on one split of a dataset, and what they cost.

python benchmarks/refinement.py datasets/demo.zarr runs/demo/locator.ckpt
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.comparison import world_by_world
from raylocus.evaluation.evaluation import Evaluation, evaluate
from raylocus.inference.locator import Locator
from raylocus.models.physics.live import PhysicsVariant
from raylocus.propagation.maps.traced_place import open_place

#: Resamplings of sequences, in pairs, for the interval of p50's change [%].
DRAWS, ENDS = 1000, (5, 95)


def located(locator: Locator, asked: ReportDataset) -> Evaluation:
    """In all places of some sequences, each with its paths."""
    found = []
    for index in np.unique(asked.place_index):
        some = asked.select(asked.place_index == index)
        place = open_place(asked.configuration.places[int(index)].folder)
        found.append(evaluate(world_by_world(locator, some), some.reports, place).evaluation)
    return Evaluation.concatenate(found)


def line(name: str, found: Evaluation, before: Evaluation) -> str:
    """Percentiles, the change of p50 with its interval, and time."""
    rows = np.random.default_rng(1).integers(0, len(found), (DRAWS, len(found)))
    change = np.median(found.error[rows], 1) / np.median(before.error[rows], 1) - 1
    low, high = np.percentile(change, ENDS)
    p50, p90, cost = found.percentile(50), found.percentile(90), found.seconds / len(found) * 1e3
    return f"{name:12} {p50:7.2f} {p90:7.1f} {low:+9.1%} to {high:+.1%} {cost:13.1f}"


def main() -> None:
    """Prints one line a variant."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--by", nargs="+", default=["bilinear", "images"])
    parser.add_argument("--split", default="test")
    parser.add_argument("--most", type=int, help="sequences, the first ones; by default all")
    given = parser.parse_args()
    stored, locator = open_report_dataset(given.dataset), Locator.load(given.model)
    chosen = np.flatnonzero(stored.split == given.split)[: given.most]
    asked = stored.select(np.isin(np.arange(len(stored)), chosen))
    before = located(locator, asked)
    print(f"{len(asked)} sequences\nrefined by    p50 m   p90 m  change of p50, 90 %  CPU ms/sequence")
    print(line("nothing", before, before))
    by: Sequence[PhysicsVariant] = given.by
    for each in by:
        print(line(each, located(replace(locator, refine=each), asked), before), flush=True)


if __name__ == "__main__":
    main()
