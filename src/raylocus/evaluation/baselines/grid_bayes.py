"""Grid-Bayes map matching: the classical peer, with tuned spreads, one report or the whole sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel, deviations, log_likelihood
from raylocus.evaluation.baselines.masses import GroundMethod, Located, forward_filter, masses
from raylocus.evaluation.baselines.training import climbed, examples, likeliest
from raylocus.evaluation.evaluation import TrainingPlaces
from raylocus.evaluation.observations import Observations
from raylocus.models.inputs.nominal_maps import NominalMaps

#: Values that `fit` chooses from.
SPREADS_DB = (4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0)
TIMING_SPREADS = (3.0, 4.5, 6.0, 9.0, 13.0, 20.0, 35.0)
INDEPENDENCES = (0.05, 0.1, 0.2, 0.4, 0.8)
#: Spreads of the common level offset [dB]: fixed at 0 where the map's level is trusted.
TRUSTED_LEVEL = (0.0,)
FREE_LEVEL = (6.0, 12.0, 100.0)
#: Spreads of the differences between beams [dB]; None leaves beams out.
NO_BEAMS = (None,)
BEAM_SPREADS_DB = (3.0, 5.0, 8.0, 12.0)
#: Sequences that the spreads, and the filter's independence, are chosen on.
FITTED_REPORTS = 200
FITTED_SEQUENCES = 48
#: Sequences that are filtered together.
SEQUENCES_AT_ONCE = 16


@dataclass(frozen=True)
class GridBayes(GroundMethod):
    """Map matching on the last report: Gaussian levels about R, T_A about the first path, UE outdoors."""

    model: LikelihoodModel

    @classmethod
    def fit(
        cls,
        name: str,
        training: TrainingPlaces,
        level_spreads: tuple[float, ...] = TRUSTED_LEVEL,
        beam_spreads: tuple[float | None, ...] = NO_BEAMS,
    ) -> GridBayes:
        """Chooses all spreads by the likelihood of the true positions in training places.

        Those of the common level offset and of the differences between beams are of the given ones [dB]. Raises
        InputError without training sequences.
        """
        chosen = examples(training, FITTED_REPORTS)
        beams = beam_spreads != NO_BEAMS
        apart = [deviations(one.observations, one.observations.last, one.maps, beams) for one in chosen]

        def scores(model: LikelihoodModel, number: int) -> Float[np.ndarray, " sample"]:
            return chosen[number].log_scores(apart[number].log_likelihood(model))

        model = LikelihoodModel(8.0, level_spreads[0], 13.0)
        levels = ("spread_db", SPREADS_DB), ("level_spread_db", level_spreads)
        others = ("timing_spread", TIMING_SPREADS), ("beam_spread_db", beam_spreads)
        # One sweep after the other: a full grid would not be better, only slower.
        for (first, ones), (second, twos) in (levels, others, levels):
            pairs: list[dict[str, Any]] = [{first: one, second: two} for one, two in product(ones, twos)]
            model = likeliest([replace(model, **values) for values in pairs], scores, chosen)
        return cls(name, model)

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By the last report."""
        levels = log_likelihood(observed, observed.last, maps, self.model)
        return masses(levels, maps.prior.ravel()), None


@dataclass(frozen=True)
class SequenceGridBayes(GroundMethod):
    """The same likelihood on every report, carried from report to report by a forward filter."""

    model: LikelihoodModel
    independence: float
    """See `forward_filter`."""

    @classmethod
    def fit(cls, name: str, single: GridBayes, training: TrainingPlaces) -> SequenceGridBayes:
        """Keeps the levels' spreads of a fitted single-report method; chooses the independence and T_A's spread.

        T_A's errors are less alike from report to report than the map's, so its spread is chosen again. Raises
        InputError without training sequences.
        """
        chosen = examples(training, FITTED_SEQUENCES)
        beams = single.model.beam_spread_db is not None
        apart = [deviations(one.observations, one.observations.all, one.maps, beams) for one in chosen]

        @cache
        def scores(method: SequenceGridBayes, number: int) -> Float[np.ndarray, " sample"]:
            one, levels = chosen[number], apart[number].log_likelihood(method.model)
            return one.log_scores_of_masses(method._filtered(levels, one.observations, one.maps))

        powers = [cls(name, single.model, independence) for independence in INDEPENDENCES]
        best = climbed(powers, len(powers) // 2, scores, chosen)
        models = [replace(single.model, timing_spread=spread) for spread in TIMING_SPREADS]
        timed = [replace(best, model=model) for model in models]
        return climbed(timed, len(timed) // 2, scores, chosen)

    def located(self, observed: Observations, maps: NominalMaps) -> Located:
        """By all reports."""
        starts = range(0, len(observed), SEQUENCES_AT_ONCE)
        parts = (observed.sequences(start, start + SEQUENCES_AT_ONCE) for start in starts)
        found = (self._filtered(log_likelihood(one, one.all, maps, self.model), one, maps) for one in parts)
        return np.concatenate([np.empty((0, maps.tile.count**2), np.float32), *found]), None

    def _filtered(
        self, levels: Float[np.ndarray, "report ground"], observed: Observations, maps: NominalMaps
    ) -> Float[np.ndarray, "sample ground"]:
        """The same of reports whose ln likelihoods are there."""
        prior = maps.prior.ravel()
        return forward_filter(
            levels, observed.time, observed.report_offsets, prior, maps.tile, self.independence
        )
