"""Few-shot on traced maps: what 1 to 1,000 tagged reports of a place are worth to the locator that ships.

    python benchmarks/few_shot_places.py places/val-core places/val-works --tags 10 100 --folder runs/few-shot

Each world is drawn at severity 1, and kept in a file, from which a killed run goes on. Rows: the map as it is; levels
followed (`locate --online`); the checkpoint adapted (`train adapt`); the place calibrated (`calibrate fit`); both, half
of the tags for each; nearest neighbours on the tags.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from calibration import calibrated_maps
from calibration_trials import Trial, kept, trial
from few_shot import nearest_tags
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from raylocus.calibration.calibrate import calibrate
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.errors import InputError
from raylocus.evaluation.evaluation import REGIONS, coverage, horizontal_errors, region_ranks
from raylocus.inference.answering import MapAnswers
from raylocus.inference.locator import Locator
from raylocus.inference.online import OnlineLocator
from raylocus.inference.online_journal import OnlineJournal
from raylocus.inference.place_adaptation import adapt_to_place
from raylocus.models.area.heard_reports import heard_reports
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import open_place
from raylocus.training.adapt.area import tags_of

#: Error, denser and tied mass of each located phone.
Scored = Float[np.ndarray, "phone 3"]


def on_map(locator: Locator, asked: Reports, maps: MappedPlace) -> Scored:
    """How phones are located on some maps."""
    truth = asked.position[asked.last_report, :2]
    posterior = locator.posterior(asked, maps)
    return np.column_stack([horizontal_errors(posterior.mean, truth), *region_ranks(posterior, truth)])


def calibrated(one: Trial, tagged: Reports) -> MappedPlace:
    """The maps of a place that was calibrated by tags; those that it has where they are too few."""
    try:
        return calibrated_maps(one.place, calibrate(tagged, one.place, CalibrationLaw()).posterior.values)
    except InputError:
        return nominal_maps(one.place)


def adapted(locator: Locator, tagged: Reports, maps: MappedPlace) -> Locator:
    """With the levels, weights and regions that tags say; as it comes where they are too few."""
    try:
        return Locator(adapt_to_place(locator.trained, tagged, maps).trained)
    except InputError:
        return locator


def with_tags(locator: Locator, one: Trial, tagged: Reports, asked: Reports) -> Iterator[tuple[str, Scored]]:
    """Scores of every method that uses tags."""
    deployment, maps = one.place.deployment, nominal_maps(one.place)
    online = OnlineLocator(MapAnswers(one.place, locator))
    journal = online.answers(tagged, OnlineJournal.start(online.network, online.expected.law)).journal
    yield "levels followed", on_map(locator, journal.state.corrected(asked, deployment), maps)
    yield "adapted", on_map(adapted(locator, tagged, maps), asked, maps)
    yield "calibrated", on_map(locator, asked, calibrated(one, tagged))
    even = np.arange(len(tagged)) % 2 == 0
    half = calibrated(one, tagged.select(even))
    yield "calibrated, adapted", on_map(adapted(locator, tagged.select(~even), half), asked, half)
    heard = heard_reports(asked, deployment)
    named = np.unique(heard.report)
    at = nearest_tags(heard.likeliest(named), tags_of(tagged, deployment))
    error = horizontal_errors(at, asked.position[named, :2])
    yield "kNN on the tags", np.column_stack([error, np.full((len(error), 2), np.nan)])


def of_count(number: int, count: int, locator: Locator, given: argparse.Namespace) -> dict[str, Scored]:
    """Scores of one world without tags and by so many, by number of tags and method."""
    place = open_place(given.places[number % len(given.places)])
    one = trial(place, number, 1.0, max(given.tags), 0)
    asked = one.asked.select(np.arange(given.phones))
    tagged = one.tagged.select(np.arange(min(count, len(one.tagged))))
    found = {"0/as it comes": on_map(locator, asked, nominal_maps(place))}
    return found | {f"{count}/{name}": scores for name, scores in with_tags(locator, one, tagged, asked)}


def of_worlds(
    given: argparse.Namespace, make: Callable[[int, int], dict[str, Scored]]
) -> list[dict[str, Scored]]:
    """Scores of every world, by all numbers of tags; those in `given.folder` are not made again.

    Args:
        given: what was asked for.
        make: makes those of a world by a number of tags.
    """
    found: list[dict[str, Scored]] = [{} for _ in range(given.worlds)]
    for number, count in product(range(given.worlds), given.tags):
        file = given.folder / f"{number}-{given.phones}-{count}-{max(given.tags)}.npz"
        found[number] |= kept(file, partial(make, number, count))
    return found


def main() -> None:
    """Prints a table of all numbers of tags."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", type=Path, nargs="+")
    parser.add_argument("--worlds", type=int, default=6, help="dealt to the places in turn")
    parser.add_argument("--tags", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--phones", type=int, default=100, help="located in each world")
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--folder", type=Path, default=Path("runs/few-shot"), help="one a model")
    given = parser.parse_args()
    torch.set_num_threads(1)
    locator = Locator.pretrained() if given.model is None else Locator.load(given.model)
    print_table(of_worlds(given, lambda number, count: of_count(number, count, locator, given)))


def print_table(worlds: list[dict[str, Scored]]) -> None:
    """A row for each number of tags and method."""
    table = Table(title="error / m, regions")
    for column in ("tags", "method", "p50", "p67", "p90", "50, 90, 95 % regions hold"):
        table.add_column(column, justify="right")
    for name in worlds[0]:
        error, denser, tied = np.concatenate([each[name] for each in worlds]).T
        numbers = (f"{value:.0f}" for value in np.percentile(error, (50, 67, 90)))
        held = ", ".join(f"{coverage(denser, tied, mass):.0%}" for mass in REGIONS)
        table.add_row(*name.split("/"), *numbers, "" if np.isnan(denser).any() else held)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
