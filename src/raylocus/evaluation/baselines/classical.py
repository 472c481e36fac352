"""All classical peers, fitted: what a learned model has to beat."""

from __future__ import annotations

from collections.abc import Callable

from raylocus.evaluation.baselines.centroid import WeightedCentroid
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
from raylocus.evaluation.baselines.nearest_neighbours import NearestNeighbours
from raylocus.evaluation.baselines.random_forest import RandomForest
from raylocus.evaluation.baselines.strongest_cell import StrongestCell
from raylocus.evaluation.baselines.timing_advance import TimingAdvance
from raylocus.evaluation.method import Method, TrainingPlaces
from raylocus.models.inputs.nominal_maps import nominal_maps


def classical_methods(
    training: TrainingPlaces, progress: Callable[[str], None] = lambda name: None
) -> list[Method]:
    """Fits every baseline on training places, weakest first; `progress` is called with each name as it starts.

    Raises:
        InputError: there are no training sequences.
    """
    pairs = [(reports, nominal_maps(place)) for reports, place in training]
    methods: list[Method] = []

    def fitted(name: str, fit: Callable[[str], Method]) -> None:
        progress(name)
        methods.append(fit(name))

    def sequences(name: str, single: GridBayes) -> SequenceGridBayes:
        return SequenceGridBayes.fit(name, single, pairs)

    fitted("serving site", lambda name: StrongestCell.fit(name, pairs, reaches=(0.0,)))
    fitted("strongest cell", lambda name: StrongestCell.fit(name, pairs))
    fitted("RSRP centroid", lambda name: WeightedCentroid.fit(name, pairs))
    fitted("multilateration", lambda name: RangeLeastSquares.fit(name, MULTILATERATION, pairs))
    if any("rstd" in reports.feature_names for reports, _ in pairs):
        fitted("TDOA", lambda name: RangeLeastSquares.fit(name, TIME_DIFFERENCES, pairs))
    fitted("TA + azimuth", lambda name: TimingAdvance.fit(name, pairs))
    fitted("kNN on R", lambda name: NearestNeighbours.fit(name, pairs))
    fitted("random forest on R", lambda name: RandomForest.fit(name, pairs))
    single = GridBayes.fit("grid-Bayes, one report", pairs)
    fitted(single.name, lambda name: single)
    fitted("grid-Bayes", lambda name: sequences(name, single))
    fitted("grid-Bayes, free level", lambda name: sequences(name, GridBayes.fit(name, pairs, FREE_LEVEL)))
    fitted(
        "grid-Bayes, free level, beams",
        lambda name: sequences(name, GridBayes.fit(name, pairs, FREE_LEVEL, BEAM_SPREADS_DB)),
    )
    return methods
