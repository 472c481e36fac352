"""−ln likelihood of a network's antennas given measurements of known position, with gradient and curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.calibration.antenna_model import AntennaModel, PointLevels
from raylocus.calibration.beam_contrasts import BeamLaw, contrast_term, contrasts
from raylocus.calibration.error_law import Block, ErrorLaw, Tokens, blocks_of, loss_of_errors, spatial_parts
from raylocus.calibration.links import PointChannels
from raylocus.calibration.measured import Links, Measured
from raylocus.calibration.objective import Objective
from raylocus.calibration.parameters import Layout
from raylocus.calibration.silence import (
    SilentBlock,
    independent_shares,
    silence_distance,
    silence_term,
    silent_blocks,
)
from raylocus.propagation.maps.traced_place import TracedPlace


@dataclass(frozen=True)
class NoiseLaw:
    """How measurements scatter about a calibrated map."""

    levels: ErrorLaw
    beams: BeamLaw = BeamLaw()
    dropout: float | None = 0.3
    """Probability that a cell that was found goes unreported; None where silence is not to be read."""


class LabelledModel:
    """Measurements of known position against the atlas, for any antennas."""

    def __init__(self, measured: Measured, place: TracedPlace, channels: PointChannels | None = None):
        """Gathers the paths to all points; nothing is traced."""
        self.measured, self.deployment = measured, place.deployment
        self.layout = Layout(len(place.deployment.cells))
        self._centres = place.atlas.grid.centres
        parts = (measured.heard, measured.silent, measured.beamed)
        columns = [np.concatenate([getattr(each, name) for each in parts]) for name in ("cell", "ground")]
        pairs, rows = np.unique(np.stack(columns), axis=1, return_inverse=True)
        # Pairs are sorted by cell: the points of one cell after the other are the pairs themselves.
        self.cell: Int[np.ndarray, " point"] = pairs[0]
        links = (channels or PointChannels(place)).links(pairs[1], pairs[0])
        bounds = np.cumsum([len(each.ground) for each in parts])[:-1]
        #: Point of each heard level, silent cell and report of beams.
        self.heard_point, self.silent_point, self.beamed_point = np.split(rows.reshape(-1), bounds)
        self.levels = AntennaModel(links, self.beamed_point)
        #: Points without any path.
        self.dark: Bool[np.ndarray, " point"] = self.levels.dark()
        self.heard, self.silent = self._tokens(measured.heard), self._tokens(measured.silent)
        self.parts = spatial_parts(self.heard.xy)
        self.heard_share = independent_shares(self.heard, ErrorLaw(1.0).distance)
        self.beam_share = independent_shares(self._tokens(measured.beamed), BeamLaw().distance)

    def _tokens(self, links: Links) -> Tokens:
        site = self.deployment.site_of_cell[links.cell]
        return Tokens(self._centres[links.ground], links.cell, site, links.count)

    def antennas(self, values: Float[np.ndarray, " value"]) -> Float[np.ndarray, "point antenna"]:
        """Values of `ANTENNA` at every point."""
        return self.layout.antennas(values)[self.cell]

    def modelled(self, values: Float[np.ndarray, " value"]) -> PointLevels:
        """Levels at all points, with their slopes."""
        return self.levels.levels(self.antennas(values))

    def under(self, law: NoiseLaw) -> LawOfErrors:
        """The model under one law of errors."""
        blocks = blocks_of(self.heard, law.levels, self.parts)
        silent = [] if law.dropout is None else silent_blocks(self.silent, self.heard, law.levels, blocks)
        share = independent_shares(self.silent, silence_distance(law.levels))
        return LawOfErrors(self, law, blocks, silent, share)


@dataclass(frozen=True)
class LawOfErrors:
    """A labelled model under one law of errors: what follows from the law alone is computed once."""

    model: LabelledModel
    law: NoiseLaw
    blocks: list[Block]
    silent: list[SilentBlock]
    silent_share: Float[np.ndarray, " silent"]

    def objective(self, values: Float[np.ndarray, " value"]) -> Objective:
        """Of values of the network."""
        return self.objective_of(self.model.modelled(values))

    def objective_of(self, levels: PointLevels) -> Objective:
        """Of modelled levels."""
        total = self._heard(levels) + self._beams(levels)
        for block in self.silent:
            total = total + self._silence(levels, block)
        return total

    def loss(self, beams: Float[np.ndarray, "point beam"]) -> float:
        """The same without derivatives."""
        best, model = beams.max(axis=1), self.model
        error = self.errors(best)
        total = loss_of_errors(error, self.law.levels, self.blocks).loss
        total += self.silence_loss(best)
        modelled = beams[model.beamed_point]
        return (
            total
            + contrast_term(model.measured.beamed.level, modelled, self.law.beams, model.beam_share).loss
        )

    def silence_loss(self, best: Float[np.ndarray, " point"]) -> float:
        """−ln probability of the cells that are silent."""
        error = self.errors(best)
        return float(sum(silence_term(*self._argument(best, error, block)).loss for block in self.silent))

    def predictive_loss(self, levels: PointLevels) -> float:
        """−ln density of levels and beams, each weighted with what of it is independent of its neighbours."""
        model = self.model
        density = self.law.levels.density(self.errors(levels.best))
        modelled, reported = levels.beams[model.beamed_point], model.measured.beamed.level
        beams = contrast_term(reported, modelled, self.law.beams, model.beam_share).loss
        return beams - float(np.log(density) @ model.heard_share)

    def errors(self, best: Float[np.ndarray, " point"]) -> Float[np.ndarray, " token"]:
        """Reported less modelled levels [dB], from the best beams at all points."""
        return self.model.measured.heard.level - best[self.model.heard_point]

    def _spread(
        self, slopes: Float[np.ndarray, "row antenna"], point: Int[np.ndarray, " row"]
    ) -> Float[np.ndarray, "row value"]:
        return self.model.layout.spread(slopes, self.model.cell[point])

    def _heard(self, levels: PointLevels) -> Objective:
        curved = loss_of_errors(self.errors(levels.best), self.law.levels, self.blocks)
        point = self.model.heard_point
        gradient, hessian = curved.normal(self._spread(levels.best_slopes[point], point))
        return Objective(curved.loss, gradient, hessian)

    def _margins(
        self, best: Float[np.ndarray, " point"], block: SilentBlock
    ) -> Float[np.ndarray, "end silent"]:
        """How far the audible and the strongest reported level lie over the modelled one [dB]."""
        silent = self.model.measured.silent
        ends = np.stack([silent.audible[block.silent], silent.strongest[block.silent]])
        return ends - best[self.model.silent_point[block.silent]]

    def _argument(
        self, best: Float[np.ndarray, " point"], error: Float[np.ndarray, " token"], block: SilentBlock
    ) -> tuple[Float[np.ndarray, "end silent"], float, Float[np.ndarray, " silent"]]:
        """What `silence_term` takes."""
        law = self.law.levels
        expected = block.weights @ law.scores(error[block.heard])
        arguments = (law.scores(self._margins(best, block)) - expected) / block.deviation
        return arguments, self.law.dropout or 0.0, self.silent_share[block.silent]

    def _silence(self, levels: PointLevels, block: SilentBlock) -> Objective:
        law, model = self.law.levels, self.model
        error = self.errors(levels.best)
        term = silence_term(*self._argument(levels.best, error, block))
        around, point = error[block.heard], model.heard_point[block.heard]
        pulled = law.slopes(around, law.scores(around))[:, None] * self._spread(
            levels.best_slopes[point], point
        )
        own = model.silent_point[block.silent]
        slopes, expected = self._spread(levels.best_slopes[own], own), block.weights @ pulled
        gradient, hessian = np.zeros(slopes.shape[1]), np.zeros((slopes.shape[1],) * 2)
        for end, margin in enumerate(self._margins(levels.best, block)):
            steep = law.slopes(margin, law.scores(margin))[:, None]
            by_value = (expected - steep * slopes) / block.deviation[:, None]
            gradient += by_value.T @ term.slopes[end]
            hessian += by_value.T @ (term.curvature[end][:, None] * by_value)
        return Objective(term.loss, gradient, hessian)

    def _beams(self, levels: PointLevels) -> Objective:
        model = self.model
        point, reported = model.beamed_point, model.measured.beamed.level
        term = contrast_term(reported, levels.beams[point], self.law.beams, model.beam_share)
        there = np.isfinite(reported)
        row, beam = np.nonzero(there)
        slopes = self._spread(levels.beam_slopes[row, beam], point[row])
        mean = np.zeros((len(point), slopes.shape[1]))
        np.add.at(mean, row, slopes)
        mean /= np.maximum(there.sum(axis=1), 1)[:, None]
        centred = slopes - mean[row]
        gradient = slopes.T @ term.gradient[row, beam]
        return Objective(term.loss, gradient, centred.T @ (term.weight[row, beam][:, None] * centred))

    def beam_errors(self, levels: PointLevels) -> Float[np.ndarray, "beamed beam"]:
        """Reported less modelled contrasts of beams [dB]; NaN where not reported."""
        reported = self.model.measured.beamed.level
        found = contrasts(reported - levels.beams[self.model.beamed_point])
        return np.where(np.isfinite(reported), found, np.nan)
