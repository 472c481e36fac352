"""How a locator answers when the map is not the world's: errors, what its regions hold, and how often it says so.

    python benchmarks/outside_the_law.py datasets/pretrained.zarr [--model CKPT] [--masts places/campus]
        [--split validation]

Phones of each test world of a dataset are located together with the right map; with all their levels 24 dB higher,
and lower; with G and R displaced by 10 and 20 m in a random direction, sites staying where they are; and with the map
of the dataset's next test place, its cells taken for the right ones in their order. With
--masts a place is traced as it stands with masts 6 m (σ of x and of y) from where the map has them, and phones there
are located with the map; that takes as long as tracing a place. A second table says how many right and wrong maps are
flagged by how many phones together, at the threshold that ships and at the one that flags 5 % of the right ones here; a
third how many right ones by the severity of their worlds; a fourth, place by place, what became of the map of another
tile, and how far its sites are from those that they are taken for. With --split validation it is the places of that
split that have none of training.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from raylocus.datasets.building.world_tasks import observe_world
from raylocus.datasets.configuration import DatasetConfiguration
from raylocus.datasets.store import ReportDataset, open_report_dataset
from raylocus.evaluation.ablation.given import Given
from raylocus.evaluation.evaluation import evaluation_of, truth_of
from raylocus.inference.fix import PLAUSIBLE_FIT
from raylocus.inference.locator import Locator
from raylocus.models.inputs.nominal_maps import MappedPlace, NominalMaps, nominal_maps
from raylocus.models.posterior import posterior_of
from raylocus.network.reports.features import features_named
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import known_reports
from raylocus.propagation.maps.traced_place import open_place
from raylocus.propagation.tracing.trace_folders import trace_place
from raylocus.scenes.map_errors.law import MapErrorLaw
from raylocus.scenes.map_errors.perturb import perturb_place
from raylocus.scenes.place import load_place

#: How far levels are off [dB], masts [m], and G and R [m].
LEVEL_DB, MAST_METRES, SHIFTS = 24.0, 6.0, (10.0, 20.0)
#: Numbers of phones that judge a map together.
TOGETHER = (1, 2, 5, 10)
#: Nothing differs from the map but where the masts stand.
MASTS = MapErrorLaw(
    missing_share=0.0,
    added_share=0.0,
    unknown_ground_error=0.0,
    surface_model_error=0.0,
    terrain_model_error=0.0,
    site_error=MAST_METRES,
    antenna_height_error=0.0,
    cars_per_road_area=0.0,
    trees_per_open_area=0.0,
)


@dataclass(frozen=True)
class Case:
    """Phones of one world, and the map that they are located with."""

    reports: Reports
    own: MappedPlace
    """Where they are."""
    given: MappedPlace
    """What the locator is given."""
    severity: float
    place: str
    """Name of the own place."""

    @property
    def sites_off(self) -> float:
        """Mean distance of sites from those of the same number of the given map [m]."""
        own, given = (each.deployment.site_positions[:, :2] for each in (self.own, self.given))
        both = min(len(own), len(given))
        return float(np.linalg.norm(own[:both] - given[:both], axis=1).mean())


@dataclass(frozen=True)
class Scores:
    """How the phones of one case fared."""

    error: np.ndarray
    held: float
    """Share in the 90 % region."""
    trusted: float
    """Share of the phones whose fix is trusted."""
    fits: dict[int, np.ndarray]
    """How well groups of so many phones are said to fit; all of them under 0."""
    case: Case


def scores_of(locator: Locator, case: Case) -> Scores:
    """Locates the phones together, and judges the map by groups of them."""
    truth = truth_of(case.reports, case.own)
    reports = dataclasses.replace(case.reports, pci=renamed(case.reports.pci, case.own, case.given))
    fixes = locator.fixes(reports, case.given)
    density = np.stack([fix.heatmap for fix in fixes]).astype(np.float32)
    posterior = posterior_of(case.given.tile, density, np.stack([fix.position for fix in fixes]))
    evaluation = evaluation_of(locator.name, posterior, truth, 0.0)
    _, statistics = locator.on_maps(known_reports(reports, case.given.deployment).reports, case.given)
    return Scores(
        error=evaluation.error,
        held=evaluation.coverage(0.9),
        trusted=float(np.mean([fix.trusted for fix in fixes])),
        fits={0: np.array([fixes[0].fit])}
        | {
            number: np.array([locator.judge(group).fit for group in statistics.split(number)])
            for number in TOGETHER
        },
        case=case,
    )


def renamed(pci: np.ndarray, own: MappedPlace, given: MappedPlace) -> np.ndarray:
    """PCIs of the cells of the other place that have the same numbers."""
    names = np.resize(given.deployment.pcis, len(own.deployment.pcis))
    order = np.argsort(own.deployment.pcis)
    return names[order[np.searchsorted(own.deployment.pcis[order], pci)]]


def shifted(reports: Reports, step_db: float) -> Reports:
    """Reports of a network whose levels are all this much higher."""
    levels = [feature.unit == "dBm" for feature in features_named(reports.feature_names)]
    return dataclasses.replace(reports, features=reports.features + step_db * np.array(levels))


def cases(dataset: ReportDataset, split: str) -> Iterator[tuple[str, Case]]:
    """All cases of the worlds of a split in places without training, by name."""
    trained = dataset.place_index[dataset.split == "train"]
    chosen = (dataset.split == split) & ~np.isin(dataset.place_index, trained)
    indices = [int(index) for index in np.unique(dataset.place_index[chosen])]
    places = {index: nominal_maps(dataset.place(index)) for index in indices}
    for world in np.unique(dataset.world_index[chosen]):
        part = dataset.select(chosen & (dataset.world_index == world))
        index = int(part.place_index[0])
        world_of = (dataset.worlds[world].law.severity, dataset.configuration.places[index].folder.name)
        here, there = places[index], places[indices[(indices.index(index) + 1) % len(indices)]]
        reports = part.reports
        yield "as in training", Case(reports, here, here, *world_of)
        yield f"levels {LEVEL_DB:+g} dB", Case(shifted(reports, LEVEL_DB), here, here, *world_of)
        yield f"levels {-LEVEL_DB:+g} dB", Case(shifted(reports, -LEVEL_DB), here, here, *world_of)
        for shift in SHIFTS:
            generator = np.random.default_rng(int(world))
            displaced = Given(shift=shift).place(here, _untraced, generator)
            yield f"map displaced by {shift:g} m", Case(reports, here, displaced, *world_of)
        yield "map of another tile", Case(reports, here, there, *world_of)


def _untraced() -> NoReturn:
    raise AssertionError("no antenna is turned")


def mast_cases(folder: Path, dataset: ReportDataset) -> Iterator[tuple[str, Case]]:
    """Phones in a place whose masts stand elsewhere than its map has them."""
    configuration: DatasetConfiguration = dataset.configuration
    moved = folder.with_name(f"{folder.name}.masts")
    if not moved.exists():
        perturb_place(load_place(folder), moved, MASTS, 1)
    true = trace_place(moved, configuration.trace, maps=configuration.maps)
    mapped: NominalMaps = nominal_maps(open_place(folder))
    for world in np.unique(dataset.world_index[dataset.split == "test"]):
        record = dataset.worlds[world]
        if configuration.places[record.place_index].folder == folder:
            reports = observe_world(true, record, configuration)
            yield (
                f"masts {MAST_METRES:g} m off",
                Case(reports, true, mapped, record.law.severity, folder.name),
            )


def main() -> None:
    """Prints one line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--masts", type=Path)
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    given = parser.parse_args()
    locator = Locator.load(given.model) if given.model else Locator.pretrained()
    dataset = open_report_dataset(given.dataset)
    found: dict[str, list[Scores]] = {}
    named = list(cases(dataset, given.split)) + (
        list(mast_cases(given.masts, dataset)) if given.masts else []
    )
    for name, case in named:
        found.setdefault(name, []).append(scores_of(locator, case))
    print(f"{'':24} phones  p50/m  p90/m  held in 90 %  flagged together  alone  trusted")
    for name, scores in found.items():
        error = np.concatenate([each.error for each in scores])
        held, trusted = (
            float(np.mean([getattr(each, key) for each in scores])) for key in ("held", "trusted")
        )
        print(
            f"{name:24} {len(error):6d} {np.percentile(error, 50):6.1f} {np.percentile(error, 90):6.1f} "
            f"{held:13.0%} {flagged(scores, 0):17.0%} {flagged(scores, 1):6.0%} {trusted:8.0%}"
        )
    tell_judgement(found["as in training"], found["map of another tile"])


def fits_of(scores: Sequence[Scores], number: int) -> np.ndarray:
    """Of all groups of so many phones."""
    return np.concatenate([each.fits[number] for each in scores])


def flagged(scores: Sequence[Scores], number: int) -> float:
    """Share of the groups of so many phones that are said not to fit."""
    return float(np.mean(fits_of(scores, number) < PLAUSIBLE_FIT))


def tell_judgement(right: Sequence[Scores], wrong: Sequence[Scores]) -> None:
    """How many right and wrong maps are flagged, by the number of phones and by the severity."""
    print("\nphones together  right flagged  wrong flagged  wrong flagged where 5 % of the right are")
    for number in (*TOGETHER, 0):
        at_five = float(np.mean(fits_of(wrong, number) <= np.quantile(fits_of(right, number), 0.05)))
        print(
            f"{number or 'all':>15} {flagged(right, number):14.0%} {flagged(wrong, number):14.0%} {at_five:14.0%}"
        )
    print("\nseverity  right flagged, all together")
    for severity in sorted({each.case.severity for each in right}):
        own = [each for each in right if each.case.severity == severity]
        print(f"{severity:8g} {flagged(own, 0):14.0%}")
    print("\nmap of another tile for  its sites off by/m  held in 90 %  flagged, all together")
    for place in sorted({each.case.place for each in wrong}):
        own = [each for each in wrong if each.case.place == place]
        held = float(np.mean([each.held for each in own]))
        print(f"{place:23} {own[0].case.sites_off:18.0f} {held:13.0%} {flagged(own, 0):13.0%}")


if __name__ == "__main__":
    main()
