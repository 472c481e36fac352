"""`raylocus train`, `train area` and `train adapt`: the weights of a network, found or learned on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import PositiveInt

from raylocus.cli.console import recipe_file, recipes, verb_parser

if TYPE_CHECKING:
    from raylocus.inference.answering import MapAnswers, NetworkAnswers
    from raylocus.network.reports.reports import Reports


def run_train(arguments: Sequence[str]) -> int:
    """Fits, validates or tests as LightningCLI is asked to."""
    from raylocus.training.cli import main

    main(with_recipe_files(arguments))
    return 0


def with_recipe_files(words: Sequence[str]) -> list[str]:
    """The words with the file of a recipe where `--config` names one."""
    known, found = recipes("train"), list(words)
    for index, word in enumerate(words):
        option, equals, name = word.partition("=")
        if option != "--config":
            continue
        if equals and name in known:
            found[index] = f"--config={recipe_file('train', name)}"
        elif not equals and words[index + 1 : index + 2] and words[index + 1] in known:
            found[index + 1] = str(recipe_file("train", words[index + 1]))
    return found


def run_train_area(arguments: Sequence[str]) -> int:
    """Trains, calibrates on networks not trained on, and writes one file; goes on from where it was stopped."""
    from raylocus.training.area.fit import AreaTraining

    parser = verb_parser(
        "train area", "Train the area network on networks drawn by formula; no data and no maps are needed."
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="file of the trained network, such as area.ckpt"
    )
    parser.add_argument(
        "--networks",
        type=PositiveInt,
        default=150,
        help="drawn networks of each law that the answers' width is fitted on",
    )
    parser.add_class_arguments(AreaTraining, "training")
    given = parser.parse(arguments)
    training = parser.instantiate(given).training
    from dataclasses import asdict

    from raylocus.models.area.trained import TrainedAreaNetwork, save_area_network
    from raylocus.provenance import Provenance
    from raylocus.training.area.calibration import fitted_temperature
    from raylocus.training.area.fit import fit_area_network

    state = given.out.with_name(given.out.name + ".state")
    network = fit_area_network(training, state, print)
    temperature = fitted_temperature(network, given.networks, training.seed, print)
    settings = {"training": asdict(training), "networks": given.networks}
    provenance = Provenance.collect(settings, training.seed, {})
    save_area_network(TrainedAreaNetwork(network, temperature, provenance), given.out)
    state.unlink()
    print(f"{given.out} written")
    return 0


#: What names the locators that ship.
SHIPPED = "shipped"


def run_train_adapt(arguments: Sequence[str]) -> int:
    """Writes the adapted checkpoint; where there is too little to go by, nothing."""
    parser = verb_parser(
        "train adapt",
        "Adapt a locator to one network by 10 to 1,000 reports of known position: its weights as far as held-out "
        "blocks are better off, and its regions; on traced maps the levels of its cells as well.",
    )
    parser.add_argument(
        "checkpoint", help=f"file of raylocus train area, or of a locator for traced maps, or {SHIPPED!r}"
    )
    parser.add_argument(
        "reports", type=Path, help="reports file of one stream, some or all of known position"
    )
    parser.add_argument("--place", type=Path, required=True, help="area or place folder they were made in")
    parser.add_argument("--out", type=Path, required=True, help="file of the adapted checkpoint")
    parser.add_argument("--seed", type=int, default=0, help="decides which blocks are held out together")
    given = parser.parse(arguments)
    from raylocus.inference.answering import MapAnswers, answering_by
    from raylocus.network.reports.report_files import checked_reports

    answering = answering_by(given.place, None if given.checkpoint == SHIPPED else Path(given.checkpoint))
    read = checked_reports(given.reports)
    if isinstance(answering, MapAnswers):
        lines = _to_place(answering, read.reports, given.out, given.seed)
    else:
        lines = _to_area(answering, read.reports, given.out, given.seed)
    print("\n".join([*(f"note: {note}" for note in read.notes), *lines]))
    print(
        f"{given.out} written; use it with: raylocus locate REPORTS --place {given.place} --model {given.out}"
    )
    return 0


def _to_place(answering: MapAnswers, reports: Reports, out: Path, seed: int) -> tuple[str, ...]:
    from raylocus.inference.place_adaptation import adapt_to_place
    from raylocus.models.checkpoint import save_network

    adapted = adapt_to_place(answering.locator.trained, reports, answering.place, seed)
    save_network(adapted.trained, out)
    return adapted.lines


def _to_area(answering: NetworkAnswers, reports: Reports, out: Path, seed: int) -> tuple[str, ...]:
    """Of an area with traced windows the first stage is adapted, the locator by sites."""
    from raylocus.inference.area_locator import AreaLocator
    from raylocus.models.area.trained import save_area_network
    from raylocus.training.adapt.area import adapt_area_network, tags_of

    method = answering.method
    start = method if isinstance(method, AreaLocator) else method.first
    adapted = adapt_area_network(start.trained, tags_of(reports, answering.network.deployment), seed)
    save_area_network(adapted.trained, out)
    return adapted.lines
