"""What sharper answers where maps fit are worth in areas: errors and regions, on right maps and on wrong ones.

    python benchmarks/area_sharpness.py datasets/pretrained.zarr [--split validation] [--phones 16] [--worlds 24]

The worlds of a split in places without training, each as an area of one window, around which phones may be anywhere up
to its side: located with the law that ships and without it; with the right map, with the map of the next place, whose
cells are taken for the right ones in their order, and with all levels 24 dB higher. Printed are errors, what regions
hold, and how many answers are sure (90 % within 150 m) and how many of these wrong (the phone is outside).
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from outside_the_law import LEVEL_DB, renamed, shifted

from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.evaluation import horizontal_errors
from raylocus.geo import Extent, Grid
from raylocus.inference.area_locator import AreaLocator
from raylocus.inference.area_windows import WindowLocator
from raylocus.inference.fix import TRUSTED_RADIUS
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.scenes.sites import Deployment


@dataclasses.dataclass(frozen=True)
class OneWindow:
    """A place as an area of which there is one window."""

    place: NominalMaps

    @property
    def deployment(self) -> Deployment:
        """Its sites and cells."""
        return self.place.deployment

    def window_at(self, point: tuple[float, float], size: float) -> Grid:
        """The same for all points."""
        return self.place.tile

    def window(self, grid: Grid) -> MappedPlace:
        """The place."""
        return self.place


def windows_of(place: NominalMaps, second: Locator) -> WindowLocator:
    """What locates in it, and as far around it as it is wide."""
    size = place.tile.size
    first = dataclasses.replace(AreaLocator.pretrained(), mapped=Extent(-size, -size, size, size))
    return WindowLocator(first, second, OneWindow(place), size)


def with_sharpening(locator: Locator, sharpening: float) -> Locator:
    """The same with another number of its calibration; places are encoded once for both."""
    calibration = dataclasses.replace(locator.trained.calibration, sharpening=sharpening)
    return dataclasses.replace(locator, trained=dataclasses.replace(locator.trained, calibration=calibration))


def cases(dataset: ReportDataset, given: argparse.Namespace) -> Iterator[tuple[str, Reports, NominalMaps]]:
    """Phones of each world with the map that they are located with, by name."""
    trained = dataset.place_index[dataset.split == "train"]
    chosen = (dataset.split == given.split) & ~np.isin(dataset.place_index, trained)
    indices = np.unique(dataset.place_index[chosen]).tolist()
    places = {index: nominal_maps(dataset.place(index)) for index in indices}
    worlds = np.random.default_rng(0).permutation(np.unique(dataset.world_index[chosen]))
    for world in worlds[: given.worlds]:
        part = dataset.select(chosen & (dataset.world_index == world))
        index = int(part.place_index[0])
        here, there = places[index], places[indices[(indices.index(index) + 1) % len(indices)]]
        reports = part.reports.select(np.arange(min(given.phones, len(part.reports))))
        yield "right map", reports, here
        renames = renamed(reports.pci, here, there)
        yield "map of another tile", dataclasses.replace(reports, pci=renames), there
        yield f"levels {LEVEL_DB:+g} dB", shifted(reports, LEVEL_DB), here


def scores(windows: WindowLocator, reports: Reports) -> np.ndarray:
    """Of each phone that is located: error [m], mass of denser ground, and the 90 % radius about the estimate [m]."""
    truth = reports.position[reports.last_report, :2]
    rows = []
    for found in windows.located(reports, windows.area.deployment):
        ground, true = found.ground, truth[found.sequence]
        at, middle = (torch.from_numpy(each - ground.origin).float() for each in (true, ground.median))
        _, denser, tied = ground.masses.at(at)
        held = (denser + tied / 2).numpy()
        radius = ground.masses.radius(middle, 0.9).numpy()
        rows.append(np.column_stack([horizontal_errors(ground.median, true), held, radius]))
    return np.concatenate(rows)


def line(name: str, rows: np.ndarray) -> str:
    error, held, radius = rows.T
    sure = radius <= TRUSTED_RADIUS
    wrong = float((error[sure] > radius[sure]).mean()) if sure.any() else 0.0
    p50, p90 = np.percentile(error, (50, 90))
    regions = ", ".join(f"at {share:.0%} {(held < share).mean():.0%}" for share in (0.5, 0.9))
    errors = f"p50 {p50:5.1f} m, p90 {p90:5.1f} m"
    return f"{name:34} {len(error):4} phones, {errors}, held {regions}; sure {sure.mean():.0%}, wrong {wrong:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--phones", type=int, default=16, help="of each world at most")
    parser.add_argument("--worlds", type=int, default=24)
    given = parser.parse_args()
    torch.set_num_threads(1)
    ships, found = Locator.pretrained(), dict[str, list[np.ndarray]]()
    laws = {"": ships, ", no sharpening": with_sharpening(ships, 0.0)}
    for case, reports, place in cases(open_report_dataset(given.dataset), given):
        for law, locator in laws.items():
            found.setdefault(case + law, []).append(scores(windows_of(place, locator), reports))
    for name, rows in sorted(found.items()):
        print(line(name, np.concatenate(rows)))


if __name__ == "__main__":
    main()
