"""How many wrong maps are found out by how many phones together, by what a checkpoint's own fit says of it.

    python benchmarks/wrong_maps.py [CKPT] [--fit DATASET [--out CKPT]]

A checkpoint holds the mean scores of groups of validation phones, under their own maps and under those of other places,
with the place left out of the fit of the score. Fewer phones scatter about their group's mean by the deviation within
groups, more do not come nearer to each other than the worlds are. Printed is the share of wrong maps beyond the score
that a share of right ones is beyond. With --fit it is fitted to the validation worlds of a dataset first, as after
training, and with --out the checkpoint is written once more with it; nothing is trained.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from raylocus.inference.locator import Locator
from raylocus.models.checkpoint import TrainedNetwork, save_network
from raylocus.models.misfit import MisfitCalibration
from raylocus.training.data import ReportData
from raylocus.training.misfit_calibration import calibrate_misfit

#: Phones that judge together, and shares of right maps that are flagged.
TOGETHER, FALSE = (1, 2, 5, 10, 20), (0.02, 0.05, 0.1, 0.2)


def fitted(trained: TrainedNetwork, dataset: str) -> MisfitCalibration:
    """What the validation worlds of a dataset say of a network."""
    worlds = ReportData(dataset).validation_worlds()
    return calibrate_misfit(trained.network, ((batch.maps, batch.sequences) for batch in worlds))


def main() -> None:
    """Prints one line a number of phones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--fit")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    trained = (Locator.load(given.model) if given.model else Locator.pretrained()).trained
    misfit = fitted(trained, given.fit) if given.fit else trained.calibration.misfit
    if given.out:
        calibration = dataclasses.replace(trained.calibration, misfit=misfit)
        save_network(dataclasses.replace(trained, calibration=calibration), given.out)
    right, wrong = np.array(misfit.right_groups), np.array(misfit.wrong_groups)
    for name, groups in (("right", right), ("wrong", wrong)):
        print(
            f"{len(groups)} groups under {name} maps: mean score {groups.mean():.2f}, deviation {groups.std():.2f}"
        )
    print(f"deviation of phones within a group of {misfit.group_size:.0f}: {misfit.deviation:.2f}")
    print(f"{'phones':>8}" + "".join(f"{f'{share:.0%} false':>12}" for share in FALSE))
    for number in TOGETHER:
        noise = misfit.deviation * np.sqrt(max(1 / number - 1 / misfit.group_size, 1e-6))

        def beyond(groups: np.ndarray, score: float, noise: float = noise) -> float:
            return float(norm.sf((score - groups) / noise).mean())

        ends = right.min() - 10, right.max() + 10
        scores = [brentq(lambda at, share=share: beyond(right, at) - share, *ends) for share in FALSE]
        print(f"{number:8d}" + "".join(f"{beyond(wrong, score):12.0%}" for score in scores))


if __name__ == "__main__":
    main()
