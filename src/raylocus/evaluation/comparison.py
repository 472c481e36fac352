"""Putting a run beside the classics, the bound and the true maps: which methods are compared, on what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Int

from raylocus.datasets.plan import redraw_world
from raylocus.datasets.store import ReportDataset
from raylocus.datasets.stored_place import StoredPlace
from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.evaluation.bound.bound import Bound, BoundRefused
from raylocus.evaluation.bound.known_law import KnownLaw
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.physics import atlas_physics
from raylocus.evaluation.bound.refusal import refuse_unmodelled
from raylocus.evaluation.bound.self_check import WORLDS as SELF_CHECK_WORLDS
from raylocus.evaluation.bound.self_check import SelfCheck, self_check
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.breakdown import Circumstances
from raylocus.evaluation.evaluate import Outcome, evaluate, evaluate_all
from raylocus.evaluation.method import Method
from raylocus.models.inputs.nominal_maps import MappedPlace, nominal_maps
from raylocus.models.posterior import Posterior
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place
from raylocus.propagation.maps.world_maps import world_radio_maps

#: Names that tables use.
BOUND_NAME, TRUE_MAPS_NAME = "bound", "true maps"
#: Seed of the bound's ensemble and ways.
BOUND_SEED = 0


@dataclass(frozen=True)
class Comparison:
    """All methods on the same sequences of one test place."""

    place: StoredPlace
    """The place as the dataset holds it."""
    reports: Reports
    circumstances: Circumstances
    outcomes: dict[str, Outcome]
    """By method name: the run, the classics, the bound, the true maps; references that refuse are left out."""
    refusals: dict[str, str]
    """Why a reference is not there, one sentence by its name."""
    self_check: SelfCheck | None
    """Coverage of the bound's regions on sequences drawn from its own law; None where it was not checked."""


#: Draws sequences of a place's test worlds from the bound's own law, and scores the bound on them.
SelfChecker = Callable[[ReportDataset, TracedPlace], SelfCheck]


@dataclass(frozen=True)
class MethodByGroup:
    """A method that is given what holds in the world of each sequence, and so is another one for every group."""

    name: str
    group: Int[np.ndarray, "sample"]
    """Group of each of the sequences that will be located, in their order."""
    method_of: Callable[[int], Method]
    """The method of a group."""

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """The posterior of each sequence's last position."""
        members = [np.flatnonzero(self.group == group) for group in np.unique(self.group)]
        posteriors = [
            self.method_of(int(self.group[own[0]])).locate(reports.select(own), place) for own in members
        ]
        order = np.argsort(np.concatenate(members), kind="stable")
        density, mean, covariance = (
            np.concatenate([getattr(posterior, name) for posterior in posteriors])[order]
            for name in ("density", "mean", "covariance")
        )
        return Posterior(posteriors[0].grid, density, mean, covariance)


def compare(
    located: Method,
    classics: Sequence[Method],
    dataset: ReportDataset,
    sequences: int | None,
    progress: Callable[[str], None],
    checker: SelfChecker | None = None,
) -> list[Comparison]:
    """All methods on every test place.

    Args:
        located: the trained model.
        classics: the classical methods, fitted.
        dataset: reports of test places.
        sequences: most test sequences of a place, spread evenly over its worlds; None for all.
        progress: called with each method's name as it starts.
        checker: checks the bound on its own law; None leaves it unchecked.

    Raises:
        InputError: the dataset has no test sequences.
    """
    if not (dataset.split == "test").any():
        raise InputError(
            "the dataset has no test sequences; give a place the split 'test' in its configuration"
        )
    return [
        _compared_at(
            thinned(dataset.select((dataset.split == "test") & (dataset.place_index == index)), sequences),
            [located, *classics],
            progress,
            checker,
        )
        for index in np.unique(dataset.place_index[dataset.split == "test"])
    ]


def _compared_at(
    test: ReportDataset,
    methods: Sequence[Method],
    progress: Callable[[str], None],
    checker: SelfChecker | None,
) -> Comparison:
    """All methods on test sequences of one place."""
    index = int(test.place_index[0])
    maps = nominal_maps(test.place(index))
    outcomes = evaluate_all(methods, test.reports, maps, progress)
    refusals, checked = {}, None
    choice = test.configuration.places[index]
    # The bound knows the map only; where the map is outdated, phones were observed in another place.
    references = ((BOUND_NAME, bound_of, choice.folder), (TRUE_MAPS_NAME, true_maps_of, choice.true_folder))
    for name, reference, folder in references:
        progress(name)
        try:
            place = _same_cells(open_place(folder), test.place(index))
            outcomes[name] = evaluate(reference(test, place), test.reports, maps)
            if name == BOUND_NAME and checker is not None:
                checked = checker(test, place)
        except (BoundRefused, PlaceError, StoreError) as refused:
            refusals[name] = str(refused)
    return Comparison(test.place(index), test.reports, circumstances_of(test), outcomes, refusals, checked)


def _same_cells(place: TracedPlace, stored: StoredPlace) -> TracedPlace:
    """A place, if it has the cells that the dataset holds of it."""
    if [cell.pci for cell in place.deployment.cells] != [cell.pci for cell in stored.deployment.cells]:
        raise PlaceError(f"{place.folder} was built again with other cells; build the dataset again as well")
    return place


def circumstances_of(dataset: ReportDataset) -> Circumstances:
    """Where and in which world each sequence of a dataset was observed."""
    places = [dataset.configuration.places[index] for index in dataset.place_index]
    return Circumstances(
        place=np.array([place.name for place in places]),
        style=np.array([place.style or "" for place in places]),
        severity=np.array([dataset.worlds[world].law.severity for world in dataset.world_index]),
        world=dataset.world_index,
    )


def true_maps_of(test: ReportDataset, place: TracedPlace) -> MethodByGroup:
    """The posterior on the true maps of each sequence's world; the place is the one they were observed in."""
    movement = Movement.of(place, test.configuration.mobility, np.random.default_rng(BOUND_SEED))

    def method(world: int) -> Method:
        record = test.worlds[world]
        truth = world_radio_maps(place, redraw_world(place.deployment, record))
        network = test.configuration.network.at_severity(record.law.severity)
        return TrueMaps(truth, network, movement, name=TRUE_MAPS_NAME)

    return MethodByGroup(TRUE_MAPS_NAME, test.world_index, method)


def bound_of(test: ReportDataset, place: TracedPlace) -> MethodByGroup:
    """The bound at a nominal place, under the laws that each sequence was drawn from; severities are known to it.

    Raises:
        BoundRefused: the dataset's law has something that the bound does not model.
    """
    of_severity, group = _bounds(test, place)
    return MethodByGroup(BOUND_NAME, group, of_severity)


def self_check_of(test: ReportDataset, place: TracedPlace) -> SelfCheck:
    """The bound's self-check at a nominal place, the severities having their shares of the sequences.

    Raises:
        BoundRefused: the dataset's law has something that the bound does not model.
    """
    of_severity, group = _bounds(test, place)
    present = np.unique(group)
    worlds = max(SELF_CHECK_WORLDS // len(present), 2)
    return SelfCheck.pooled([self_check(of_severity(int(each)), worlds) for each in present])


def _bounds(
    test: ReportDataset, place: TracedPlace
) -> tuple[Callable[[int], Bound], Int[np.ndarray, "sample"]]:
    """The bound of each severity, made once, and which of them each sequence has."""
    configuration = test.configuration
    for index in np.unique(test.place_index):
        refuse_unmodelled(configuration, configuration.places[int(index)].map_error)
    severities, of_world = np.unique([world.law.severity for world in test.worlds], return_inverse=True)
    movement = Movement.of(place, configuration.mobility, np.random.default_rng(BOUND_SEED))

    @cache
    def bound(index: int) -> Bound:
        severity = float(severities[index])
        known = KnownLaw(
            place=place,
            world_law=dataclasses.replace(configuration.world_law, severity=severity),
            network=configuration.network.at_severity(severity),
            mobility=configuration.mobility,
            movement=movement,
            physics=atlas_physics,
        )
        return Bound(known, BOUND_SEED, name=BOUND_NAME)

    return bound, of_world[test.world_index]


def thinned(dataset: ReportDataset, most: int | None) -> ReportDataset:
    """At most so many sequences, spread evenly over the dataset's order (world by world)."""
    if most is None or len(dataset) <= most:
        return dataset
    mask = np.zeros(len(dataset), bool)
    mask[np.linspace(0, len(dataset) - 1, most).astype(int)] = True
    return dataset.select(mask)


def checkpoint_of(run: Path) -> Path:
    """The locator of a run folder; a checkpoint file stands for itself."""
    return run / "locator.ckpt" if run.is_dir() else run
