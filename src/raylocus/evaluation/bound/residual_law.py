"""The law of what a world's physics leaves unexplained, as something whose density can be computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import norm, t
from torch import Tensor

from raylocus.scenes.world import WorldLaw

#: Span and step of the tables of the margin [dB].
TABLE_SPAN, TABLE_STEP = 120.0, 0.02
#: A Gaussian with this times the scale's standard deviation has the density of Student's t near zero.
QUANTISATION_VARIANCE = 1.0 / 12


@dataclass(frozen=True)
class ResidualLaw:
    """Residual + each cell's own level error + noise of a report, as a Gaussian copula.

    The margin is exact: Student t convolved with the Gaussian of the other two. The copula's
    correlation is approximate: each part enters with the variance that it has near the margin's
    centre, where Student's t looks Gaussian.
    """

    score: Float[Tensor, "table"]
    """Standard Gaussian score of each level of the table."""
    log_ratio: Float[Tensor, "table"]
    """ln of the margin's density over the Gaussian density of its score, without 1/√2π."""
    spread_db: float
    """Standard deviation near the centre [dB]."""
    shares: tuple[float, float, float]
    """Shares of the variance near the centre: spatial residual, cell's own level, noise."""
    distance: float
    """Correlation distance of the residual [m]."""
    shared_by_all: float
    shared_by_site: float

    @classmethod
    def of(cls, law: WorldLaw, receiver_noise_db: float, mismatch_db: float = 0.0) -> ResidualLaw:
        """The law of `scenes.residual` with the noise of `network.configuration` and 1 dB report bins.

        Args:
            law: the law of worlds.
            receiver_noise_db: standard deviation of a report's noise [dB].
            mismatch_db: standard deviation of each cell's level error for want of a nearer world [dB].
        """
        scale = law.severity * law.residual_db
        own = (law.severity * law.power_error_db) ** 2 + mismatch_db**2
        noise = receiver_noise_db**2 + QUANTISATION_VARIANCE
        central = (scale * norm.pdf(0) / t.pdf(0, law.residual_freedom)) ** 2
        score, log_ratio = _margin(scale, law.residual_freedom, np.sqrt(own + noise))
        total = central + own + noise
        return cls(
            score=torch.from_numpy(score.astype(np.float32)),
            log_ratio=torch.from_numpy(log_ratio.astype(np.float32)),
            spread_db=float(np.sqrt(total)),
            shares=(central / total, own / total, noise / total),
            distance=law.residual_distance,
            shared_by_all=law.residual_shared_by_all,
            shared_by_site=law.residual_shared_by_site,
        )

    def scores(
        self, deviation: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Gaussian scores of deviations [dB] and their log ratios, by table."""
        index = ((deviation + TABLE_SPAN) * (1 / TABLE_STEP)).round_().clamp_(0, len(self.score) - 1).int()
        return self.score[index], self.log_ratio[index]

    def correlation(
        self,
        distance: Float[Tensor, "hypothesis token token"],
        cell: Int[Tensor, "token"],
        site: Int[Tensor, "token"],
    ) -> Float[Tensor, "hypothesis token token"]:
        """Correlation of the scores of tokens that lie `distance` [m] apart."""
        same_cell = (cell[:, None] == cell[None, :]).float()
        same_site = (site[:, None] == site[None, :]).float()
        own_share = 1 - self.shared_by_all - self.shared_by_site
        between = self.shared_by_all + self.shared_by_site * same_site + own_share * same_cell
        spatial, own, noise = self.shares
        fixed = own * same_cell + noise * torch.eye(len(cell))
        return spatial * between * torch.exp(-distance / self.distance) + fixed


def _margin(
    scale: float, freedom: float, gaussian: float
) -> tuple[Float[np.ndarray, "table"], Float[np.ndarray, "table"]]:
    """Tables of score and log ratio of scale · t(freedom) + N(0, gaussian²)."""
    level = np.arange(-TABLE_SPAN, TABLE_SPAN + TABLE_STEP / 2, TABLE_STEP)
    if scale < TABLE_STEP:
        score = level / gaussian
        return np.clip(score, -12, 12), np.full_like(level, -np.log(gaussian))
    # Quadrature over equally likely Gaussian values leaves the heavy tails of t exact.
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    weights = weights / weights.sum()
    shifted = (level[:, None] - gaussian * nodes[None, :]) / scale
    below = t.cdf(-np.abs(level[:, None]) / scale - gaussian * nodes[None, :] / scale, freedom) @ weights
    density = t.pdf(shifted, freedom) @ weights / scale
    score = np.sign(level) * -norm.ppf(np.clip(below, 1e-300, 0.5))
    return score, np.log(density) + score**2 / 2
