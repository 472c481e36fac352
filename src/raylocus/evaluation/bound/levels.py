"""p(levels | places, law): a Gaussian copula with the offset common to all levels integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.bound.residual_law import ResidualLaw

#: Gauss–Hermite nodes for the level offset, and how much wider than its Gaussian posterior they reach.
NODES, WIDENING = 3, 1.3
#: Spread of a turned antenna's level, in Gaussian scores.
TURNED_SCORE = 2.0


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

        Args:
            fades: autocorrelation of the residual between the places of two tokens.
            noise: variance of the reports' noise [dB²].
            own_variance: variance of what is each cell's own and the same at all places [dB²].
            cell: of each token.
            site: of each token.
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
