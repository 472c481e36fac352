"""p(levels | places, law): a Gaussian copula of the residual's law, with the offset common to all integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import ndtri, stdtr
from scipy.stats import norm, t
from torch import Tensor

from raylocus.scenes.world import WorldLaw

#: Span and step of the tables of the margin [dB].
TABLE_SPAN, TABLE_STEP = 120.0, 0.1
#: Standard deviations of the Gaussian part that have a table [dB]: 0.25 · 2^(i/3).
LEAST_GAUSSIAN, GAUSSIANS, PER_DOUBLING = 0.25, 22, 3
#: Variance of a value that is uniform within a report's bin of 1 dB [dB²].
QUANTISATION_VARIANCE = 1.0 / 12
#: Gauss–Hermite nodes for the level offset, and how much wider than its Gaussian posterior they reach.
NODES, WIDENING = 3, 1.3
#: Spread of a turned antenna's level, in Gaussian scores.
TURNED_SCORE = 2.0


@dataclass(frozen=True)
class ResidualLaw:
    """Residual plus a Gaussian part, as a Gaussian copula.

    The Gaussian part of a level is each cell's own level error, what the worlds of an ensemble differ by,
    and the noise of the report. The margin is exact: Student t convolved with the Gaussian. The copula's
    correlation is approximate: each part enters with the variance that it has near the margin's
    centre, where Student's t looks Gaussian.
    """

    score: Float[Tensor, "gaussian table"]
    """Standard Gaussian score of each level of the table, by the Gaussian part's standard deviation."""
    log_ratio: Float[Tensor, "gaussian table"]
    """ln of the margin's density over the Gaussian density of its score, without 1/√2π."""
    central_variance: float
    """Variance of the residual near its centre [dB²]; 0 where the law has none."""
    own_variance: float
    """Variance of each cell's own level error [dB²]."""
    distance: float
    """Correlation distance of the residual [m]."""
    shared_by_all: float
    shared_by_site: float

    @classmethod
    def of(cls, law: WorldLaw) -> ResidualLaw:
        """The law of `scenes.world` and of each cell's own level in `scenes.world`."""
        scale = law.severity * law.residual_db
        score, log_ratio = _margins(scale, law.residual_freedom)
        return cls(
            score=score,
            log_ratio=log_ratio,
            # The Gaussian of this standard deviation has the density of Student's t at zero.
            central_variance=(scale * norm.pdf(0) / t.pdf(0, law.residual_freedom)) ** 2,
            own_variance=(law.severity * law.power_error_db) ** 2,
            distance=law.residual_distance,
            shared_by_all=law.residual_shared_by_all,
            shared_by_site=law.residual_shared_by_site,
        )

    def scores(
        self, deviation: Float[Tensor, "*shape"], gaussian: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Gaussian scores of deviations [dB] and their log ratios, by the Gaussian part's standard deviation [dB]."""
        if self.central_variance == 0:
            return deviation / gaussian, -torch.log(gaussian)
        row = (PER_DOUBLING * torch.log2(gaussian / LEAST_GAUSSIAN)).round_().clamp_(0, GAUSSIANS - 1)
        width = self.score.shape[1]
        column = ((deviation + TABLE_SPAN) * (1 / TABLE_STEP)).round_().clamp_(0, width - 1)
        index = (row * width + column).int()
        return self.score.view(-1)[index], self.log_ratio.view(-1)[index]

    def shared(
        self,
        cell: Int[Tensor, " token"],
        site: Int[Tensor, " token"],
        other_cell: Int[Tensor, " other"],
        other_site: Int[Tensor, " other"],
    ) -> Float[Tensor, "token other"]:
        """Correlation of the residuals of cells at one place."""
        same_cell = (cell[:, None] == other_cell[None, :]).float()
        same_site = (site[:, None] == other_site[None, :]).float()
        own_share = 1 - self.shared_by_all - self.shared_by_site
        return self.shared_by_all + self.shared_by_site * same_site + own_share * same_cell

    def fades(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Autocorrelation of the residual over a distance [m]."""
        return torch.exp(-distance / self.distance)


@lru_cache(maxsize=8)
def _margins(
    scale: float, freedom: float
) -> tuple[Float[Tensor, "gaussian table"], Float[Tensor, "gaussian table"]]:
    """Tables of score and log ratio of scale · t(freedom) + N(0, g²), for every g; empty without a residual."""
    if scale < TABLE_STEP:
        return torch.zeros(GAUSSIANS, 1), torch.zeros(GAUSSIANS, 1)
    widths = LEAST_GAUSSIAN * 2 ** (np.arange(GAUSSIANS) / PER_DOUBLING)
    level = np.arange(0, TABLE_SPAN + TABLE_STEP / 2, TABLE_STEP)
    # Quadrature over the Gaussian's values leaves the heavy tails of t exact.
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    counts = weights > 1e-9 * weights.max()
    nodes, weights = nodes[counts], weights[counts] / weights[counts].sum()
    shifted = (level[None, :, None] - widths[:, None, None] * nodes) / scale
    density = t.pdf(shifted, freedom) @ weights / scale
    below = stdtr(freedom, (-level[None, :, None] - widths[:, None, None] * nodes) / scale) @ weights
    score = -ndtri(np.clip(below, 1e-300, 0.5))
    ratio = np.log(density) + score**2 / 2
    whole = [
        np.concatenate([half[:, :0:-1], full], axis=1) for half, full in ((-score, score), (ratio, ratio))
    ]
    return tuple(torch.from_numpy(each.astype(np.float32)) for each in whole)  # type: ignore[return-value]


@dataclass(frozen=True)
class LevelFit:
    """What levels say of some hypothetical ways, those of one motion sharing a correlation matrix."""

    log_density: Float[Tensor, "motion way"]
    offset: Float[Tensor, "motion way"]
    """Mean of the common offset given the way [dB]."""
    inverse_factor: Float[Tensor, "motion token token"]
    """Inverse of the correlation matrix's Cholesky factor."""


@dataclass(frozen=True)
class LevelLaw:
    """The law of a sequence's levels given where the UE was."""

    residual: ResidualLaw
    offset_spread_db: float
    """Standard deviation of what is common to all levels of a sequence: world's and device's [dB]."""
    turned_share: float
    """Share of antennas that point anywhere."""

    def correlation(
        self,
        fades: Float[Tensor, "motion token token"],
        noise: Float[Tensor, " token"],
        own_variance: Float[Tensor, "motion token"],
        cell: Int[Tensor, " token"],
        site: Int[Tensor, " token"],
    ) -> tuple[Float[Tensor, "motion token token"], Float[Tensor, "motion token"]]:
        """Correlation of the scores, and each token's standard deviation near the centre [dB].

        `fades` is the autocorrelation of the residual between the places of two tokens; noise and each cell's
        own variance in dB².
        """
        same = (cell[:, None] == cell[None, :]).float()
        own = own_variance.sqrt()
        covariance = self.residual.central_variance * self.residual.shared(cell, site, cell, site) * fades
        covariance = covariance + own[:, :, None] * own[:, None, :] * same + noise.diag()
        spread = covariance.diagonal(dim1=1, dim2=2).sqrt()
        return covariance / (spread[:, :, None] * spread[:, None, :]), spread

    def fit(
        self,
        deviation: Float[Tensor, "motion token way"],
        gaussian: Float[Tensor, "motion token way"],
        correlation: Float[Tensor, "motion token token"],
        spread: Float[Tensor, "motion token"],
        cell: Int[Tensor, " token"],
    ) -> LevelFit:
        """ln density of the levels, and the common offset.

        Args:
            deviation: reported less mapped level [dB].
            gaussian: standard deviation of the Gaussian part of each level [dB].
            correlation: of the scores, see `correlation`.
            spread: of each token near the centre [dB].
            cell: of each token.
        """
        factor = torch.linalg.cholesky(correlation)
        whiten = torch.linalg.solve_triangular(
            factor, torch.eye(factor.shape[-1]).expand_as(factor), upper=False
        )
        log_determinant = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        offset, variance = self._offset(deviation, whiten, spread)
        cells_white = whiten @ (cell[:, None] == cell.unique()[None, :]).float()
        total = []
        for node, weight in zip(*np.polynomial.hermite.hermgauss(NODES), strict=True):
            level = offset + (2 * WIDENING * variance).sqrt() * float(node)
            score, log_ratio = self.residual.scores(deviation - level[:, None], gaussian)
            prior = -(level**2) / (2 * self.offset_spread_db**2)
            copula = self._copula(whiten @ score, cells_white)
            total.append(log_ratio.sum(dim=1) + copula + prior + math.log(weight) + float(node) ** 2)
        scale = 0.5 * torch.log(2 * WIDENING * variance) - log_determinant[:, None]
        return LevelFit(torch.logsumexp(torch.stack(total), dim=0) + scale, offset, whiten)

    def _offset(
        self,
        deviation: Float[Tensor, "motion token way"],
        whiten: Float[Tensor, "motion token token"],
        spread: Float[Tensor, "motion token"],
    ) -> tuple[Float[Tensor, "motion way"], Float[Tensor, "motion 1"]]:
        """Mean and variance of the common offset, by least squares; where tails are heavy, the far are drawn in."""
        reach = (2.5 if self.residual.central_variance else torch.inf) * spread[:, :, None]
        middle = deviation.median(dim=1, keepdim=True).values
        drawn_in = middle + torch.clamp(deviation - middle, -reach, reach)
        unit = torch.einsum("mab,mb->ma", whiten, 1 / spread)
        pull = torch.einsum("mab,ma->mb", whiten, unit) / spread
        precision = unit.square().sum(dim=1, keepdim=True) + 1 / self.offset_spread_db**2
        return torch.einsum("mb,mbw->mw", pull, drawn_in) / precision, 1 / precision

    def _copula(
        self,
        white: Float[Tensor, "motion token way"],
        cells_white: Float[Tensor, "motion token cell"],
    ) -> Float[Tensor, "motion way"]:
        """ln of the copula's Gaussian, a mixture over which one cell, if any, has a turned antenna.

        A turned cell's scores share a shift of variance `TURNED_SCORE`² (Woodbury's identity).
        """
        straight = -white.square().sum(dim=1) / 2
        if self.turned_share == 0:
            return straight
        precision = TURNED_SCORE**-2 + cells_white.square().sum(dim=1)
        pull = cells_white.transpose(1, 2) @ white
        turned = pull.square() / (2 * precision[..., None])
        turned = (
            turned + (math.log(self.turned_share) - 0.5 * torch.log(precision * TURNED_SCORE**2))[..., None]
        )
        return straight + torch.logaddexp(torch.zeros(()), torch.logsumexp(turned, dim=1))
