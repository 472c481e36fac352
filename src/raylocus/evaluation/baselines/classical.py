"""All classical peers, fitted: what a learned model has to beat."""

from __future__ import annotations

from collections.abc import Callable

from raylocus.evaluation.baselines.grid_bayes import (
    BEAM_SPREADS_DB,
    FREE_LEVEL,
    GridBayes,
    SequenceGridBayes,
)
from raylocus.evaluation.baselines.nearest_neighbours import NearestNeighbours
from raylocus.evaluation.baselines.strongest_cell import StrongestCell
from raylocus.evaluation.baselines.timing_advance import TimingAdvance
from raylocus.evaluation.method import Method, TrainingPlaces


def classical_methods(
    training: TrainingPlaces, progress: Callable[[str], None] = lambda name: None
) -> list[Method]:
    """Fits every baseline on training places, weakest first; `progress` is told each name as it starts.

    Raises:
        InputError: there are no training sequences.
    """
    pairs = list(training)
    methods: list[Method] = []

    def fitted(name: str, fit: Callable[[str], Method]) -> None:
        progress(name)
        methods.append(fit(name))

    fitted("serving site", lambda name: StrongestCell.fit(name, pairs, reaches=(0.0,)))
    fitted("strongest cell", lambda name: StrongestCell.fit(name, pairs))
    fitted("TA + azimuth", lambda name: TimingAdvance.fit(name, pairs))
    fitted("kNN on R", lambda name: NearestNeighbours.fit(name, pairs))
    fitted("grid-Bayes, one report", lambda name: GridBayes.fit(name, pairs))
    fitted("grid-Bayes", lambda name: SequenceGridBayes.fit(name, GridBayes.fit(name, pairs), pairs))
    fitted(
        "grid-Bayes, free level",
        lambda name: SequenceGridBayes.fit(name, GridBayes.fit(name, pairs, FREE_LEVEL), pairs),
    )
    fitted(
        "grid-Bayes, free level, beams",
        lambda name: SequenceGridBayes.fit(
            name, GridBayes.fit(name, pairs, FREE_LEVEL, BEAM_SPREADS_DB), pairs
        ),
    )
    return methods
