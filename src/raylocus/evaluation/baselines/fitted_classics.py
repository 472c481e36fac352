"""The classical peers, fitted once: the parameters that were chosen for them travel with a run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from raylocus.datasets.store import ReportDataset
from raylocus.errors import InputError, StoreError
from raylocus.evaluation.baselines.fingerprints import NearestNeighbours, RandomForest
from raylocus.evaluation.baselines.grid_bayes import (
    BEAM_SPREADS_DB,
    FREE_LEVEL,
    GridBayes,
    SequenceGridBayes,
)
from raylocus.evaluation.baselines.least_squares import (
    MULTILATERATION,
    TIME_DIFFERENCES,
    RangeLeastSquares,
)
from raylocus.evaluation.baselines.strongest_cell import StrongestCell, TimingAdvance, WeightedCentroid
from raylocus.evaluation.evaluation import Method, TrainingPlaces
from raylocus.json_text import parse_json
from raylocus.models.inputs.nominal_maps import nominal_maps
from raylocus.provenance import Provenance
from raylocus.storage import written_whole
from raylocus.yaml_text import read_as

#: Version of classics.json, and its name in a run's folder.
CLASSICS_SCHEMA, CLASSICS_FILE = "raylocus.classics.v1", "classics.json"
#: Classes of methods by the name that they are stored under.
KINDS: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(StrongestCell, WeightedCentroid, RangeLeastSquares, TimingAdvance),
        *(NearestNeighbours, RandomForest, GridBayes, SequenceGridBayes),
    )
}


def classical_methods(training: TrainingPlaces, progress: Callable[[str], None]) -> list[Method]:
    """Fits every baseline on training places, weakest first; `progress` is called with each name as it starts.

    Raises:
        InputError: there are no training sequences.
    """
    pairs = [(reports, nominal_maps(place)) for reports, place in training]

    @cache
    def single(name: str, *spreads: Any) -> GridBayes:
        return GridBayes.fit(name, pairs, *spreads)

    def sequences(name: str, of_one: str, *spreads: Any) -> SequenceGridBayes:
        return SequenceGridBayes.fit(name, single(of_one, *spreads), pairs)

    fits: dict[str, Callable[[str], Method]] = {
        "serving site": lambda name: StrongestCell.fit(name, pairs, reaches=(0.0,)),
        "strongest cell": lambda name: StrongestCell.fit(name, pairs),
        "RSRP centroid": lambda name: WeightedCentroid.fit(name, pairs),
        "multilateration": lambda name: RangeLeastSquares.fit(name, MULTILATERATION, pairs),
        "TDOA": lambda name: RangeLeastSquares.fit(name, TIME_DIFFERENCES, pairs),
        "TA + azimuth": lambda name: TimingAdvance.fit(name, pairs),
        "kNN on R": lambda name: NearestNeighbours.fit(name, pairs),
        "random forest on R": lambda name: RandomForest.fit(name, pairs),
        "grid-Bayes, one report": single,
        "grid-Bayes": lambda name: sequences(name, "grid-Bayes, one report"),
        "grid-Bayes, free level": lambda name: sequences(name, name, FREE_LEVEL),
        "grid-Bayes, free level, beams": lambda name: sequences(name, name, FREE_LEVEL, BEAM_SPREADS_DB),
    }
    if not any("rstd" in reports.feature_names for reports, _ in pairs):
        del fits["TDOA"]
    methods = []
    for name, fit in fits.items():
        progress(name)
        methods.append(fit(name))
    return methods


@dataclass(frozen=True)
class Classics:
    """All classics, fitted."""

    methods: tuple[Method, ...]
    provenance: Provenance
    """Its input "dataset" is the `ReportDataset.digest` of what they were fitted on."""

    @property
    def fitted_on(self) -> str:
        """Digest of the dataset that they were fitted on."""
        return self.provenance.inputs["dataset"]

    @classmethod
    def fit(cls, dataset: ReportDataset, progress: Callable[[str], None] = lambda name: None) -> Classics:
        """`classical_methods` of a dataset's training places."""
        methods = classical_methods(training_places(dataset), progress)
        return cls(tuple(methods), Provenance.collect({}, None, {"dataset": dataset.digest}))

    def save(self, path: Path) -> None:
        """Writes classics.json. Raises StorageFullError where the disk fills up."""
        # A `Method` need not be a dataclass; these are.
        methods = [{"kind": type(one).__name__, **dataclasses.asdict(cast(Any, one))} for one in self.methods]
        content = {"schema": CLASSICS_SCHEMA, "provenance": self.provenance.to_json(), "methods": methods}
        with written_whole(path) as aside:
            aside.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Classics:
        """What `save` wrote. Raises StoreError for a damaged file, or one of another schema version."""
        try:
            content = parse_json(path.read_text())
            if content["schema"] != CLASSICS_SCHEMA:
                raise ValueError(content["schema"])
            methods = tuple(_method(dict(record)) for record in content["methods"])
            classics = cls(methods, Provenance.from_json(content["provenance"]))
            if not methods or not isinstance(classics.fitted_on, str):
                raise ValueError("no methods, or of no dataset")
            return classics
        except (InputError, ValueError, KeyError, TypeError, OSError) as error:
            raise StoreError(
                f"{path} is not what this version of raylocus evaluate wrote; delete it and evaluate again"
            ) from error


def classics_for(
    dataset: ReportDataset, stored: Path, trained_on: str | None, progress: Callable[[str], None]
) -> Callable[[], Classics]:
    """What finds the classics that a run is compared with: the run's own, else fitted on the dataset and stored.

    Args:
        dataset: what the run is evaluated on.
        stored: classics.json of the run. One of another dataset than the run's or this one is old: it is
            replaced where this one has training places.
        trained_on: digest of the dataset that the run was trained on; None where it is not known.
        progress: called with each method's name as its fitting starts.

    Raises:
        InputError: there are no stored classics, and the dataset has no training places.
        StoreError: the stored ones cannot be read.
    """
    if stored.is_file():
        classics, trainable = Classics.load(stored), (dataset.split == "train").any()
        if not trainable or trained_on is None or classics.fitted_on in (trained_on, dataset.digest):
            return lambda: classics
    return fit_later(dataset, stored, progress)


def fit_later(
    dataset: ReportDataset, stored: Path, progress: Callable[[str], None]
) -> Callable[[], Classics]:
    """What fits the classics on a dataset's training places when it is first called, and leaves them in a file.

    Raises:
        InputError: there are no training places, which is said before anything is fitted.
    """
    if not (dataset.split == "train").any():
        raise InputError(
            f"{dataset.folder.name} has no training places to choose the classics' parameters on, and no run's "
            f"{CLASSICS_FILE} is there to be taken; name a dataset that has some with --classics-from"
        )

    @cache
    def fit() -> Classics:
        classics = Classics.fit(dataset, progress)
        classics.save(stored)
        return classics

    return fit


def training_places(dataset: ReportDataset) -> TrainingPlaces:
    """Reports of the training split and their place as the dataset holds it, one pair a place."""
    for chosen in dataset.by_place("train"):
        yield chosen.reports, dataset.place(int(chosen.place_index[0]))


def _method(record: dict[str, Any]) -> Method:
    kind = KINDS[record.pop("kind")]
    method: Method = read_as(kind, json.dumps(record), CLASSICS_FILE, f"one of {', '.join(KINDS)}")
    return method
