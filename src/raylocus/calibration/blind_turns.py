"""Azimuths by reports of unknown position: every azimuth of one cell after the other, all else as it is.

Where a report may have been made is said by everything but that cell: timing, the other cells' levels and silence. Over
those places the cell's own level, silence and beams are looked at with each azimuth.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.calibration.antenna_model import ANTENNA, AntennaModel
from raylocus.calibration.labelled_calibration import CalibrationLaw
from raylocus.calibration.level_table import (
    FLOORS,
    SCATTERS,
    LevelTable,
    beam_likelihood,
    chosen_places,
    timing_likelihood,
)
from raylocus.calibration.links import PointChannels
from raylocus.calibration.parameters import Prior
from raylocus.calibration.shared_errors import single
from raylocus.calibration.unlabelled_model import AtPlaces, MarginalLaw, log_densities_at_places
from raylocus.calibration.unlabelled_reports import UnlabelledReports
from raylocus.propagation.maps.traced_place import TracedPlace

#: Azimuths that are tried of every antenna [rad], about the listed one.
TRIED = np.deg2rad(np.arange(-180.0, 180.0, 7.5))
#: Reports that are asked at most: beams, which say most, are each report's own.
MOST_REPORTS = 400
#: Rounds over all cells, and what another azimuth must be likelier by [nats].
ROUNDS, BETTER = 2, 6.0


@dataclass(frozen=True)
class Azimuths:
    """Azimuth errors of all cells with their standard deviations [rad]."""

    error: Float[np.ndarray, " cell"]
    deviation: Float[np.ndarray, " cell"]


class BlindTurns:
    """Reports without positions, and the levels of all cells with every azimuth that is tried."""

    def __init__(
        self,
        reports: UnlabelledReports,
        place: TracedPlace,
        law: CalibrationLaw,
        values: Float[np.ndarray, " value"],
    ) -> None:
        """For what reports without positions have said of everything else, see `UnlabelledCalibration.values`."""
        self.reports = _thinned(reports)
        self.prior: Prior = law.prior(len(place.deployment.cells))
        self.values, self.deployment = values.copy(), place.deployment
        self.marginal = MarginalLaw.of(law.noise().levels)
        ground = chosen_places(place)
        self.timing = timing_likelihood(self.reports, place, ground)
        #: Of each azimuth that is tried.
        self.table = self._levels(place, ground)

    def azimuths(self) -> Azimuths:
        """The likeliest azimuth of each cell, the others' as they were found."""
        chosen = np.full(self.prior.layout.cells, int(np.argmin(np.abs(TRIED))))
        scores = np.zeros((len(chosen), len(TRIED)))
        busiest = np.argsort(-np.bincount(self.reports.serving, minlength=len(chosen)), kind="stable")
        for _ in range(ROUNDS):
            before = chosen.copy()
            for cell in busiest.tolist():
                scores[cell] = score = self._score(cell, chosen)
                if score.max() > score[chosen[cell]] + BETTER:
                    chosen[cell] = int(score.argmax())
            if np.array_equal(before, chosen):
                break
        return Azimuths(TRIED[chosen], _deviations(scores, TRIED[chosen]))

    def _levels(
        self, place: TracedPlace, ground: Int[np.ndarray, " place"]
    ) -> Float[np.ndarray, "turn cell place beam"]:
        layout = self.prior.layout
        plain = self.values[: layout.size].copy()
        cell, where = (each.ravel() for each in np.meshgrid(np.arange(layout.cells), ground, indexing="ij"))
        model = AntennaModel(PointChannels(place).links(where, cell), np.zeros(0, np.int64))
        found = []
        for turn in TRIED:
            plain[layout.index("azimuth")] = turn
            antenna = layout.antennas(plain)[cell]
            antenna[:, ANTENNA.index("level")] = 0.0
            found.append(model.beams(antenna).reshape(layout.cells, len(ground), -1).astype(np.float32))
        return np.array(found)

    def _score(self, cell: int, chosen: Int[np.ndarray, " cell"]) -> Float[np.ndarray, " turn"]:
        """ln posterior of each azimuth of a cell, but for a constant."""
        others = self._without(cell, chosen)
        served = self.reports.serving == cell
        own = self.reports.select(served)
        score = np.empty(len(TRIED))
        for turn in range(len(TRIED)):
            beams = self.table[turn, cell]
            joint = others.log_density + self._own(cell, beams.max(axis=1), others)
            joint[served] += single(_beams(own, beams))
            score[turn] = float(torch.logsumexp(joint, 1).double().sum())
        return score + self._priors(cell)

    def _without(self, cell: int, chosen: Int[np.ndarray, " cell"]) -> AtPlaces:
        """What reports say of every place where nothing is said of a cell."""
        every = np.arange(len(self.reports.level))
        without = self.reports.without(every, np.full(len(every), cell))
        there = self.table[chosen, np.arange(len(chosen))]
        nodes = single(there.max(axis=2)).expand(len(FLOORS) * len(SCATTERS), -1, -1)
        known = LevelTable(nodes, single(self.timing + beam_likelihood(without, there)))
        values = single(self.values).expand(len(every), -1)
        with torch.no_grad():
            return log_densities_at_places(
                without, known, self.deployment, self.marginal, values, slice(0, len(every))
            )

    def _own(
        self, cell: int, level: Float[np.ndarray, " place"], others: AtPlaces
    ) -> Float[Tensor, "report place"]:
        """ln p of what reports say of a cell itself, level or silence, given the other cells."""
        reports, layout, law = self.reports, self.prior.layout, self.marginal
        mean, deviation = others.expected[:, cell], others.left[:, cell, None]
        scale, dropout = np.exp(self.values[layout.size]), 1 / (1 + np.exp(-self.values[layout.size + 1]))
        mapped = level + self.values[layout.index("level")][cell] + self.values[layout.index("common")]

        def over(levels: Float[np.ndarray, " some"]) -> Float[Tensor, "some place"]:
            return single((levels[:, None] - mapped) / scale)

        named, above = np.isfinite(reports.level[:, cell]), reports.above[:, cell]
        said = named & ~above
        kinds = (said, above, ~named)
        found, (heard, loud, silent) = torch.empty(mean.shape), (torch.from_numpy(each) for each in kinds)
        error = over(reports.level[said, cell])
        score = law.score(error)
        conditional = ((score - mean[heard]) / deviation[heard]) ** 2
        found[heard] = law.log_margin(error) + (score**2 - conditional) / 2
        found[loud] = law.log_above(over(reports.level[above, cell]), mean[loud], deviation[loud])
        margins = torch.stack([over(reports.audible[~named]), over(reports.strongest[~named])])
        margins = margins + others.louder[silent] / scale
        silence = law.log_silence(margins, mean[silent], deviation[silent], torch.tensor(dropout))
        # Silent cells of a site are in part one event: what is this cell's own counts.
        shared = (1 - law.law.own_share) * (law.law.shared_by_all + law.law.shared_by_site)
        found[silent] = (1 - shared) * silence
        return found

    def _priors(self, cell: int) -> Float[np.ndarray, " turn"]:
        layout, found = self.prior.layout, np.empty(len(TRIED))
        values = self.values[: layout.size].copy()
        for row, turn in enumerate(TRIED):
            values[layout.index("azimuth").start + cell] = turn
            found[row] = -self.prior.loss(values)
        return found


def _deviations(
    scores: Float[np.ndarray, "cell turn"], chosen: Float[np.ndarray, " cell"]
) -> Float[np.ndarray, " cell"]:
    """Of posteriors about what was chosen, that of a step included [rad]."""
    mass = np.exp(scores - scores.max(axis=1, keepdims=True))
    off = (TRIED - chosen[:, None] + np.pi) % (2 * np.pi) - np.pi
    variance = (mass * off**2).sum(axis=1) / mass.sum(axis=1)
    return np.sqrt(variance + (TRIED[1] - TRIED[0]) ** 2 / 12)


def _beams(
    served: UnlabelledReports, beams: Float[np.ndarray, "place beam"]
) -> Float[np.ndarray, "report place"]:
    """ln density of the beams of reports that one cell serves."""
    return beam_likelihood(
        dataclasses.replace(served, serving=np.zeros(len(served.serving), int)), beams[None]
    )


def _thinned(reports: UnlabelledReports) -> UnlabelledReports:
    """Evenly, so that no more than `MOST_REPORTS` are left."""
    count = len(reports.serving)
    return reports.select(np.linspace(0, count - 1, min(count, MOST_REPORTS)).astype(int))
