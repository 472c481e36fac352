"""Grid-Bayes map matching: the classical peer, with tuned spreads, one report or the whole sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float

from raylocus.evaluation.baselines.forward_filter import forward_filter
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel, log_likelihood, masses
from raylocus.evaluation.baselines.nominal_maps import NominalMaps, nominal_maps
from raylocus.evaluation.baselines.training import Example, examples, likeliest
from raylocus.evaluation.density import posterior_of
from raylocus.evaluation.method import MappedPlace, TrainingPlaces
from raylocus.evaluation.observations import Observations, observations
from raylocus.models.posterior import Posterior
from raylocus.network.reports import Reports

#: Values that `fit` chooses from; the ends are never the best on any place tried.
SPREADS_DB = (4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0)
DARK_LEVELS_DBM = (-140.0, -125.0, -115.0, -105.0)
TIMING_SPREADS = (9.0, 13.0, 20.0, 35.0)
INDEPENDENCES = (0.05, 0.1, 0.2, 0.4, 0.8)
#: Spreads of the common level offset [dB]: fixed at 0 where the map's level is trusted.
TRUSTED_LEVEL = (0.0,)
FREE_LEVEL = (6.0, 12.0, 100.0)
#: Spreads of the differences between beams [dB]; ∞ leaves beams out.
NO_BEAMS = (math.inf,)
BEAM_SPREADS_DB = (3.0, 5.0, 8.0, 12.0)
#: Sequences that the spreads, and the filter's independence, are chosen on.
FITTED_REPORTS = 200
FITTED_SEQUENCES = 48


@dataclass(frozen=True)
class GridBayes:
    """Map matching on the last report: Gaussian levels about R, T_A about the first path, UE outdoors."""

    name: str
    model: LikelihoodModel

    @classmethod
    def fit(
        cls,
        name: str,
        training: TrainingPlaces,
        level_spreads: tuple[float, ...] = TRUSTED_LEVEL,
        beam_spreads: tuple[float, ...] = NO_BEAMS,
    ) -> GridBayes:
        """Chooses all spreads by the likelihood of the true positions in training places.

        Args:
            name: what tables call the method.
            training: reports of training places.
            level_spreads: spreads of the common level offset to choose from [dB].
            beam_spreads: spreads of the differences between beams to choose from [dB].

        Raises:
            InputError: there are no training sequences.
        """
        chosen = examples(training, FITTED_REPORTS)
        maps = [nominal_maps(example.place) for example in chosen]
        by_place = {id(example): of_place for example, of_place in zip(chosen, maps, strict=True)}

        def densities(model: LikelihoodModel, example: Example) -> Float[np.ndarray, "chosen ground"]:
            of_place = by_place[id(example)]
            return masses(log_likelihood(example.observations, example.last, of_place, model), of_place.prior)

        model = LikelihoodModel(8.0, level_spreads[0], DARK_LEVELS_DBM[0], TIMING_SPREADS[1])
        for candidates in _sweeps(level_spreads, beam_spreads):
            model = likeliest([replace(model, **values) for values in candidates], densities, chosen)
        return cls(name, model)

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior of the last position from the last report. Raises PlaceError for an unknown PCI."""
        maps, observed = nominal_maps(place), observations(reports, place.deployment)
        density = masses(log_likelihood(observed, observed.last, maps, self.model), maps.prior)
        return posterior_of(maps.grid, density.reshape(-1, *maps.grid.shape))


@dataclass(frozen=True)
class SequenceGridBayes:
    """The same likelihood on every report, carried from report to report by a forward filter."""

    name: str
    model: LikelihoodModel
    independence: float
    """See `forward_filter`."""

    @classmethod
    def fit(cls, name: str, single: GridBayes, training: TrainingPlaces) -> SequenceGridBayes:
        """Keeps the spreads of a fitted single-report method and chooses the independence.

        Raises:
            InputError: there are no training sequences.
        """
        chosen = examples(training, FITTED_SEQUENCES)
        by_place = {id(example): nominal_maps(example.place) for example in chosen}

        def densities(independence: float, example: Example) -> Float[np.ndarray, "chosen ground"]:
            method = cls(name, single.model, independence)
            return np.stack(
                list(method._densities(example.observations, example.samples, by_place[id(example)]))
            )

        return cls(name, single.model, likeliest(INDEPENDENCES, densities, chosen))

    def locate(self, reports: Reports, place: MappedPlace) -> Posterior:
        """Posterior of the last position from all reports. Raises PlaceError for an unknown PCI."""
        maps, observed = nominal_maps(place), observations(reports, place.deployment)
        density = np.array(list(self._densities(observed, np.arange(len(observed)), maps)), np.float32)
        return posterior_of(maps.grid, density.reshape(-1, *maps.grid.shape))

    def _densities(
        self, observed: Observations, samples: np.ndarray, maps: NominalMaps
    ) -> Iterator[Float[np.ndarray, "ground"]]:
        for sample in samples:
            rows = np.arange(observed.report_offsets[sample], observed.report_offsets[sample + 1])
            levels = log_likelihood(observed, rows, maps, self.model)
            yield forward_filter(levels, observed.time[rows], maps.prior, maps.grid, self.independence)


def _sweeps(
    level_spreads: tuple[float, ...], beam_spreads: tuple[float, ...]
) -> Iterator[list[dict[str, float]]]:
    """Values to try together, one sweep after the other: a full grid would not be better, only slower."""
    levels = [
        {"spread_db": spread, "level_spread_db": level}
        for spread, level in product(SPREADS_DB, level_spreads)
    ]
    yield levels
    yield [{"dark_level_dbm": dark} for dark in DARK_LEVELS_DBM]
    yield levels
    yield [
        {"timing_spread": timing, "beam_spread_db": beam}
        for timing, beam in product(TIMING_SPREADS, beam_spreads)
    ]
