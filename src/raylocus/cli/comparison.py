"""Putting a run beside the classics, the bound and the true maps: which methods are compared, on what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Int

from raylocus.datasets.plan import redraw_world
from raylocus.datasets.store import ReportDataset
from raylocus.errors import InputError
from raylocus.evaluation.baselines.classical import classical_methods
from raylocus.evaluation.bound.bound import Bound, BoundRefused
from raylocus.evaluation.bound.known_law import KnownLaw
from raylocus.evaluation.bound.movement import Movement
from raylocus.evaluation.bound.physics import atlas_physics
from raylocus.evaluation.bound.refusal import refuse_unmodelled
from raylocus.evaluation.bound.self_check import WORLDS as SELF_CHECK_WORLDS
from raylocus.evaluation.bound.self_check import SelfCheck, self_check
from raylocus.evaluation.bound.true_maps import TrueMaps
from raylocus.evaluation.evaluate import Outcome, evaluate_all
from raylocus.evaluation.method import MappedPlace, Method
from raylocus.inference.locator import Locator
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports
from raylocus.propagation.traced_place import TracedPlace, open_place
from raylocus.propagation.world_maps import world_radio_maps

#: Names that tables use.
BOUND_NAME, TRUE_MAPS_NAME = "bound", "true maps"
#: Seed of the bound's ensemble and ways.
BOUND_SEED = 0


@dataclass(frozen=True)
class Comparison:
    """All methods on the same sequences of one test place."""

    place: TracedPlace
    reports: Reports
    outcomes: dict[str, Outcome]
    """By method name: the run, the classics, the bound, the true maps."""


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
        order = np.argsort(np.concatenate(members))
        density, mean, covariance = (
            np.concatenate([getattr(posterior, name) for posterior in posteriors])[order]
            for name in ("density", "mean", "covariance")
        )
        return Posterior(posteriors[0].grid, density, mean, covariance)


def compare(
    locator: Locator, dataset: ReportDataset, sequences: int | None, progress: Callable[[str], None]
) -> list[Comparison]:
    """All methods on every test place; the classics choose their parameters on the training places.

    Args:
        locator: the trained model.
        dataset: reports of training and test places.
        sequences: most test sequences of a place, spread evenly over its worlds; None for all.
        progress: told each method's name as it starts.

    Raises:
        InputError: the dataset has no test sequences.
        PlaceError: a place is absent or was built again with other cells.
    """
    if not (dataset.split == "test").any():
        raise InputError(
            "the dataset has no test sequences; give a place the split 'test' in its configuration"
        )
    classics = classical_methods(split_places(dataset, "train"), lambda name: progress(f"fitting {name}"))
    comparisons = []
    for index in np.unique(dataset.place_index[dataset.split == "test"]):
        test = thinned(dataset.select((dataset.split == "test") & (dataset.place_index == index)), sequences)
        place = open_place(dataset.places[int(index)])
        # Where the map is outdated, phones were observed in another place than it shows.
        truth = open_place(dataset.configuration.places[int(index)].true_folder)
        methods: list[Method] = [locator, *classics]
        try:
            methods.append(bound_of(test, place))
        except BoundRefused as refused:
            progress(str(refused))
        methods.append(true_maps_of(test, truth))
        comparisons.append(
            Comparison(place, test.reports, evaluate_all(methods, test.reports, place, progress))
        )
    return comparisons


def true_maps_of(test: ReportDataset, place: TracedPlace) -> MethodByGroup:
    """The posterior on the true maps of each sequence's world; the place is the one they were observed in."""
    movement = Movement.of(place, test.configuration.mobility, np.random.default_rng(BOUND_SEED))

    def method(world: int) -> Method:
        record = test.worlds[world]
        truth = world_radio_maps(place, redraw_world(place.deployment, record))
        network = test.configuration.observation.at_severity(record.law.severity)
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
            network=configuration.observation.at_severity(severity),
            mobility=configuration.mobility,
            movement=movement,
            physics=atlas_physics,
        )
        return Bound(known, BOUND_SEED, name=BOUND_NAME)

    return bound, of_world[test.world_index]


def split_places(dataset: ReportDataset, split: str) -> Iterator[tuple[Reports, TracedPlace]]:
    """Reports of a split and their place, one pair a place."""
    for index in np.unique(dataset.place_index[dataset.split == split]):
        chosen = dataset.select((dataset.split == split) & (dataset.place_index == index))
        yield chosen.reports, open_place(dataset.places[int(index)])


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
