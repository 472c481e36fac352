"""Comparing a run with the classics, the bound and the true maps: which methods are compared, on what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from raylocus.datasets.building.true_places import drawn_places
from raylocus.datasets.store import ReportDataset
from raylocus.datasets.stored_place import StoredPlace
from raylocus.errors import InputError, PlaceError, StoreError
from raylocus.evaluation.bound.bound import BoundRefused
from raylocus.evaluation.breakdown import Circumstances
from raylocus.evaluation.evaluation import Method, Outcome, evaluate
from raylocus.evaluation.place_scores import PlaceScores
from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME, MethodByGroup, References
from raylocus.execution.aside import Aside
from raylocus.execution.threads import one_thread
from raylocus.models.inputs.nominal_maps import NominalMaps, nominal_maps
from raylocus.network.reports.reports import Reports
from raylocus.propagation.maps.traced_place import TracedPlace, open_place

T = TypeVar("T")
#: Why a reference is not there: its law is not modelled, or what it needs of the place is gone.
REFUSALS = (BoundRefused, PlaceError, StoreError)


@dataclass(frozen=True)
class Comparison:
    """All methods on the same sequences of one test place."""

    place: StoredPlace
    """The place as the dataset holds it."""
    reports: Reports
    outcomes: dict[str, Outcome]
    """By method name."""
    scores: PlaceScores


def compare(
    models: Sequence[Method],
    peers: Callable[[], Iterable[Method]],
    dataset: ReportDataset,
    sequences: int | None,
    progress: Callable[[str], None],
    draws: int = 0,
) -> list[Comparison]:
    """All methods on every test place, the learned ones first; peers may be fitted while the references are worked out.

    Of a place at most `sequences` are taken, spread evenly over its worlds; None for all. Of what may stand where a
    map is outdated there are so many `draws` for the bound, which are made and traced where they are missing.

    Raises:
        InputError: the dataset has no test sequences.
    """
    tests = [thinned(test, sequences) for test in dataset.by_place("test")]
    if not tests:
        raise InputError(
            "the dataset has no test sequences; give a place the split 'test' in its configuration"
        )
    return [
        compared_at(test, chain((world_by_world(each, test) for each in models), peers()), progress, draws)
        for test in tests
    ]


def world_by_world(method: Method, test: ReportDataset) -> Method:
    """A method that is given the phones of one world at a time, as those of one network are located together.

    A model may judge by all phones that it is given whether the map fits; those of other worlds say nothing of it.
    """
    return MethodByGroup(method.name, test.world_index, lambda world: method)


def compared_at(
    test: ReportDataset, methods: Iterable[Method], progress: Callable[[str], None], draws: int = 0
) -> Comparison:
    """All methods on test sequences of one place; the bound and the true maps are worked out side by side with them.

    These are worked out in processes of their own, which a method that refuses the reports, or an interruption, ends.

    Raises:
        WorkerLostError: such a process died.
    """
    index = int(test.place_index[0])
    stored = test.place(index)
    maps = nominal_maps(stored)
    choice = test.configuration.places[index]

    def located(method: Method) -> Outcome:
        progress(method.name)
        return evaluate(method, test.reports, maps)

    def referring(folder: Path, count: int) -> References | str:
        def found() -> References:
            known = References(test, _same_cells(open_place(folder), stored))
            if not count:
                return known
            known.check_law(drawn=True)
            law, trace = test.configuration.map_errors_of(choice), test.configuration.trace
            return replace(known, true_places=drawn_places(choice, law, count, trace, progress))

        return _or_refusal(found)

    # The bound knows the map only; where the map is outdated, phones were observed in another place.
    outdated = choice.true_folder != choice.folder
    nominal = referring(choice.folder, draws if outdated else 0)
    true = referring(choice.true_folder, 0) if outdated else nominal
    progress(f"{BOUND_NAME}, {TRUE_MAPS_NAME}")
    with one_thread(), Aside() as aside:
        first = aside.begin(partial(_located, References.bound, nominal, maps), f"the {BOUND_NAME}")
        checking = partial(_known, References.self_checks, nominal)
        second = aside.begin(checking, f"the self-check of the {BOUND_NAME}")
        third = aside.begin(partial(_located, References.true_maps, true, maps), f"the {TRUE_MAPS_NAME}")
        outcomes = {each.name: located(each) for each in methods}
        references = {BOUND_NAME: first.result(), TRUE_MAPS_NAME: third.result()}
        checks = second.result()
    outcomes |= {name: one for name, one in references.items() if isinstance(one, Outcome)}
    refusals = {name: one for name, one in references.items() if isinstance(one, str)}
    checked = {} if isinstance(checks, str) else checks
    evaluations = tuple(outcome.evaluation for outcome in outcomes.values())
    scores = PlaceScores(stored.name, circumstances_of(test), evaluations, refusals, checked)
    return Comparison(stored, test.reports, outcomes, scores)


def _located(
    method: Callable[[References], Method], references: References | str, maps: NominalMaps
) -> Outcome | str:
    return _known(lambda known: evaluate(method(known), known.test.reports, maps), references)


def _known(work: Callable[[References], T], references: References | str) -> T | str:
    return references if isinstance(references, str) else _or_refusal(lambda: work(references))


def _or_refusal(work: Callable[[], T]) -> T | str:
    """What a reference is, or why it is not there."""
    try:
        return work()
    except REFUSALS as refused:
        return str(refused)


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
