"""p(a sequence's reports | hypothesised trajectory, world), the level offset integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.bound.ensemble import Ensemble, Mismatch
from raylocus.evaluation.bound.residual_law import ResidualLaw
from raylocus.evaluation.bound.tokens import SequenceTokens
from raylocus.network.configuration import NetworkConfiguration
from raylocus.scenes.sites import Carrier
from raylocus.scenes.world import WorldLaw
from raylocus.units import noise_per_resource_element, timing_advance_step

#: Gauss–Hermite nodes for the level offset, and how much wider than its Gaussian posterior they reach.
NODES, WIDENING = 5, 1.5
#: Floor of the probability of a timing advance: what rules a place out is never one number.
ADVANCE_FLOOR = 1e-5
#: Spread of a turned antenna's level, in Gaussian scores, and of its beam differences [dB].
TURNED_SCORE, TURNED_BEAM_DB = 2.0, 9.0
#: A cell's traffic lies this much below its best beam [dB], the beams sharing it.
TRAFFIC_BELOW_BEST_DB = 6.0


@dataclass(frozen=True)
class SequenceLikelihood:
    """The law of reports given where the UE was and which world it is."""

    ensemble: Ensemble
    residual: ResidualLaw
    observation: NetworkConfiguration
    offset_spread_db: float
    """Standard deviation of what is common to all levels of a sequence: world's and device's [dB]."""
    beam_mismatch_db: float
    """Error of the beams' differences for want of a nearer world [dB]."""
    turned_share: float
    """Share of antennas that point anywhere."""
    carrier: Carrier

    @classmethod
    def of(
        cls,
        ensemble: Ensemble,
        mismatch: Mismatch,
        law: WorldLaw,
        observation: NetworkConfiguration,
        carrier: Carrier,
    ) -> SequenceLikelihood:
        """The law for an observation configuration at the law's severity."""
        offset = math.hypot(law.severity * law.level_offset_db, observation.device_bias_db)
        residual = ResidualLaw.of(law, observation.receiver_noise_db, mismatch.level_db)
        turned = law.turned_share * law.severity
        return cls(ensemble, residual, observation, max(offset, 0.1), mismatch.beam_db, turned, carrier)

    def log_likelihood(
        self, tokens: SequenceTokens, cells: Int[np.ndarray, "hypothesis report"], chunk: int = 512
    ) -> Float[np.ndarray, "hypothesis"]:
        """ln p(reports | trajectory), averaged over worlds, of trajectories given by ground cells."""
        parts = torch.from_numpy(cells).split(chunk)
        return torch.cat([self._of_chunk(tokens, part) for part in parts]).double().numpy()

    def _of_chunk(
        self, tokens: SequenceTokens, cells: Int[Tensor, "hypothesis report"]
    ) -> Float[Tensor, "hypothesis"]:
        levels, offset = self._levels(tokens, cells)
        given_world = (
            levels
            + self._beams(tokens, cells)
            + self._advances(tokens, cells)
            + self._silence(tokens, cells[:, -1], offset)
        )
        return torch.logsumexp(given_world, dim=1) - math.log(given_world.shape[1])

    def _levels(
        self, tokens: SequenceTokens, cells: Int[Tensor, "hypothesis report"]
    ) -> tuple[Float[Tensor, "hypothesis world"], Float[Tensor, "hypothesis world"]]:
        """ln density of the levels, and the offset's posterior mean [dB]."""
        ground = cells[:, tokens.level_report]
        deviation = tokens.level[:, None] - self.ensemble.rsrp[tokens.level_cell, ground]
        centres = torch.from_numpy(self.ensemble.grid.centres.astype(np.float32))[ground]
        correlation = self.residual.correlation(
            torch.cdist(centres, centres), tokens.level_cell, tokens.level_site
        )
        # Whitening by the inverse factor turns every world's quadratic form into one matrix product.
        factor = torch.linalg.cholesky(correlation)
        whiten = torch.linalg.solve_triangular(
            factor, torch.eye(factor.shape[-1]).expand_as(factor), upper=False
        )
        log_determinant = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        offset, variance = self._offset_posterior(deviation, whiten)
        cells_white = whiten @ torch.nn.functional.one_hot(tokens.level_cell).float()
        total = []
        for node, weight in zip(*np.polynomial.hermite.hermgauss(NODES), strict=True):
            level = offset + (2 * WIDENING * variance).sqrt() * float(node)
            score, log_ratio = self.residual.scores(deviation - level[:, None])
            copula = self._copula(whiten @ score, cells_white)
            prior = -(level**2) / (2 * self.offset_spread_db**2)
            total.append(log_ratio.sum(dim=1) + copula + prior + math.log(weight) + float(node) ** 2)
        spread = 0.5 * torch.log(2 * WIDENING * variance) - log_determinant[:, None]
        return torch.logsumexp(torch.stack(total), dim=0) + spread, offset

    def _copula(
        self,
        white: Float[Tensor, "hypothesis token world"],
        cells_white: Float[Tensor, "hypothesis token cell"],
    ) -> Float[Tensor, "hypothesis world"]:
        """ln of the copula's Gaussian, a mixture over which one cell, if any, has a turned antenna.

        A turned cell's scores share a shift of variance `TURNED_SCORE`² (Woodbury's identity).
        """
        straight = -white.square().sum(dim=1) / 2
        if self.turned_share == 0:
            return straight
        precision = TURNED_SCORE**-2 + cells_white.square().sum(dim=1)
        pull = torch.einsum("htc,htw->hcw", cells_white, white)
        turned = pull.square() / (2 * precision[..., None])
        turned = (
            turned - 0.5 * torch.log(precision * TURNED_SCORE**2)[..., None] + math.log(self.turned_share)
        )
        return straight + torch.logaddexp(torch.zeros(()), torch.logsumexp(turned, dim=1))

    def _offset_posterior(
        self,
        deviation: Float[Tensor, "hypothesis token world"],
        whiten: Float[Tensor, "hypothesis token token"],
    ) -> tuple[Float[Tensor, "hypothesis world"], Float[Tensor, "hypothesis 1"]]:
        """Mean and variance of the common offset, by least squares with the far deviations drawn in."""
        spread = self.residual.spread_db
        middle = deviation.median(dim=1, keepdim=True).values
        drawn_in = middle + (deviation - middle).clamp(-2.5 * spread, 2.5 * spread)
        unit = whiten.sum(dim=2)
        pull = torch.einsum("hab,ha->hb", whiten, unit)
        precision = unit.square().sum(dim=1, keepdim=True) / spread**2 + 1 / self.offset_spread_db**2
        mean = torch.einsum("hb,hbw->hw", pull, drawn_in) / spread**2 / precision
        return mean, 1 / precision

    def _beams(
        self, tokens: SequenceTokens, cells: Int[Tensor, "hypothesis report"]
    ) -> Float[Tensor, "hypothesis world"]:
        """Differences between the serving cell's beams: no level error touches them."""
        count = len(tokens.beam_report)
        log_density = torch.zeros(len(cells), self.ensemble.rsrp.shape[-1])
        variance = self.observation.beam_noise_db**2 + 4.0 / 12 + count * self.beam_mismatch_db**2
        for report, cell, level in zip(tokens.beam_report, tokens.beam_cell, tokens.beam_level, strict=True):
            there = torch.isfinite(level).nonzero()[:, 0]
            mapped = self.ensemble.rsrp_beam[cell][there][:, cells[:, report]].float()
            deviation = level[there, None, None] - mapped
            squares = (deviation - deviation.mean(dim=0)).square().sum(dim=0)
            log_density += self._straight_or_turned(squares, variance, len(there) - 1)
        return log_density

    def _straight_or_turned(
        self, squares: Float[Tensor, "hypothesis world"], variance: float, freedom: int
    ) -> Float[Tensor, "hypothesis world"]:
        straight = -squares / (2 * variance)
        if self.turned_share == 0:
            return straight
        wide = variance + TURNED_BEAM_DB**2
        log_odds = math.log(self.turned_share) - 0.5 * freedom * math.log(wide / variance)
        return torch.logaddexp(straight, log_odds - squares / (2 * wide))

    def _advances(
        self, tokens: SequenceTokens, cells: Int[Tensor, "hypothesis report"]
    ) -> Float[Tensor, "hypothesis world"]:
        """Probability of each T_A: the delay and its Gaussian error fall into the bin that was reported."""
        step = timing_advance_step(self.carrier.numerology)
        spread = 2 * self.observation.timing_noise / step
        delay = self.ensemble.delay[tokens.advance_site, cells[:, tokens.advance_report]] * (2 / step)
        off = tokens.advance[:, None] - delay
        inside = torch.special.ndtr((off + 0.5) / spread) - torch.special.ndtr((off - 0.5) / spread)
        return torch.log(inside + ADVANCE_FLOOR).sum(dim=1)

    def _silence(
        self,
        tokens: SequenceTokens,
        last: Int[Tensor, "hypothesis"],
        offset: Float[Tensor, "hypothesis world"],
    ) -> Float[Tensor, "hypothesis world"]:
        """Probability that the last report does not name the cells that it does not name."""
        mapped = self.ensemble.rsrp[:, last][tokens.unreported] + offset
        undetected = torch.special.ndtr((self._audible(tokens) - mapped) / self.residual.spread_db)
        dropped = min(max(self.observation.neighbour_dropout, 1e-3), 1.0)
        return torch.log(dropped + (1 - dropped) * undetected).sum(dim=0)

    def _audible(self, tokens: SequenceTokens) -> float:
        """Level below which a cell cannot have been in the last report [dBm]."""
        law = self.observation
        levels = tokens.level[tokens.level_report == len(tokens.ago) - 1].double().numpy()
        noise = noise_per_resource_element(self.carrier.numerology, law.noise_figure_db)
        traffic = law.load * np.sum(10 ** ((levels - TRAFFIC_BELOW_BEST_DB) / 10))
        interference = 10 * np.log10(traffic + 10 ** (noise / 10)) + law.detection_sinr
        weakest = levels.min() if len(levels) > law.most_neighbours else -np.inf
        return float(max(law.detection_rsrp, interference, weakest))
