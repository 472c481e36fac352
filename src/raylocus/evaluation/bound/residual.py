"""What a cell's level errs by, as a Gaussian copula: Student's t of the residual with a Gaussian part."""

from __future__ import annotations

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
    log_slope: Float[Tensor, "gaussian table"]
    """ln of what the score rises by for each decibel there."""
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
        score, log_slope = _margins(scale, law.residual_freedom)
        return cls(
            score=score,
            log_slope=log_slope,
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
        """Gaussian scores of deviations [dB] and ln of their slopes, by the Gaussian part's deviation [dB]."""
        if self.central_variance == 0:
            return deviation / gaussian, -torch.log(gaussian)
        row = (PER_DOUBLING * torch.log2(gaussian / LEAST_GAUSSIAN)).round_().clamp_(0, GAUSSIANS - 1)
        column = ((deviation + TABLE_SPAN) * (1 / TABLE_STEP)).round_().clamp_(0, self.score.shape[1] - 1)
        index = (row * self.score.shape[1] + column).int().flatten()
        found = [each.view(-1).index_select(0, index) for each in (self.score, self.log_slope)]
        return found[0].view(row.shape), found[1].view(row.shape)

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


@lru_cache(maxsize=8)
def _margins(
    scale: float, freedom: float
) -> tuple[Float[Tensor, "gaussian table"], Float[Tensor, "gaussian table"]]:
    """Tables of score and log slope of scale · t(freedom) + N(0, g²), for every g; empty without a residual."""
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
    log_slope = np.log(density) - norm.logpdf(score)
    halves = ((-score, score), (log_slope, log_slope))
    whole = [np.concatenate([half[:, :0:-1], full], axis=1) for half, full in halves]
    return tuple(torch.from_numpy(each.astype(np.float32)) for each in whole)  # type: ignore[return-value]
