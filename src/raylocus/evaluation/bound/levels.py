"""p(levels | places, law): a Gaussian copula of the residual's law, with the offset common to all integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from raylocus.evaluation.bound.residual import ResidualLaw

#: Variance of a value that is uniform within a report's bin of 1 dB [dB²].
QUANTISATION_VARIANCE = 1.0 / 12
#: Gauss–Hermite nodes for the level offset, and how much wider than its Gaussian posterior they reach.
NODES, WIDENING = 3, 1.3
#: Spread of a turned antenna's level, in Gaussian scores.
TURNED_SCORE = 2.0


@dataclass(frozen=True)
class Whitening:
    """What makes the scores of some levels white.

    Levels that repeat others, of the same cell at the same place, share all but their noise: they come to their mean,
    weighted by precision, and to what each is off it, which need no matrix (Woodbury's identity).
    """

    factor: Float[Tensor, "way unlike unlike"]
    """Cholesky factor of the means' covariance; of the scores' own, where none repeats another."""
    repeats: Int[Tensor, " token"] | None
    """Which of the unlike levels each one is; None where none repeats another."""
    precision: Float[Tensor, "way token"]
    """Of each score's noise."""
    log_determinant: Float[Tensor, " way"]
    """Half that of the covariance."""

    @classmethod
    def of(
        cls,
        covariance: Float[Tensor, "way unlike unlike"],
        noise: Float[Tensor, "way token"],
        repeats: Int[Tensor, " token"] | None,
    ) -> Whitening:
        """That of scores with some covariance, which is changed in place, and independent noise of some variances."""
        precision, apart = 1 / noise, torch.zeros(len(noise))
        of_mean = precision
        if repeats is not None:
            of_mean = torch.zeros(covariance.shape[:2]).index_add_(1, repeats, precision)
            apart = (of_mean.log().sum(dim=1) - precision.log().sum(dim=1)) / 2
        covariance.diagonal(dim1=1, dim2=2).add_(1 / of_mean)
        factor = torch.linalg.cholesky(covariance)
        determinant = factor.diagonal(dim1=1, dim2=2).log().sum(dim=1) + apart
        return cls(factor, repeats, precision, determinant)

    def __call__(
        self, columns: Float[Tensor, "way token column"], shared: Float[Tensor, "way unlike other"]
    ) -> tuple[Float[Tensor, "way white column"], Float[Tensor, "way unlike other"]]:
        """White columns, whose products are those by the inverse of the covariance; those of the means come first.

        The second ones are of values that all who repeat a level share.
        """
        mean, off = self._means(columns)
        white = torch.linalg.solve_triangular(self.factor, torch.cat([mean, shared], dim=2), upper=False)
        own, others = white.split([columns.shape[2], shared.shape[2]], dim=2)
        return own if off is None else torch.cat([own, off], dim=1), others

    def _means(
        self, columns: Float[Tensor, "way token column"]
    ) -> tuple[Float[Tensor, "way unlike column"], Float[Tensor, "way token column"] | None]:
        """Means of those that repeat a level, and what each is off them, which is white already."""
        if self.repeats is None:
            return columns, None
        weight = self.precision[..., None]
        mean = torch.zeros(*self.factor.shape[:2], columns.shape[2]).index_add_(
            1, self.repeats, columns * weight
        )
        mean /= torch.zeros(*self.factor.shape[:2], 1).index_add_(1, self.repeats, weight)
        return mean, (columns - mean.index_select(1, self.repeats)).mul_(weight.sqrt())


@dataclass(frozen=True)
class LevelFit:
    """What levels say of some hypothetical ways."""

    log_density: Float[Tensor, " way"]
    offset: Float[Tensor, " way"]
    """Mean of the common offset given the way [dB]."""
    score: Float[Tensor, "way token"]
    """Of each level less the offset."""
    whitening: Whitening


@dataclass(frozen=True)
class LevelLaw:
    """The law of a sequence's levels given where the UE was.

    A level is its map's, an offset common to all, what its cell errs by there, and its own noise. What cells err
    by is a Gaussian copula, see `ResidualLaw`; noise is small against it, so that on the copula's scores it
    is noise as well, times the slope of the score there: where the tail is heavy, scores hardly move.
    """

    residual: ResidualLaw
    offset_spread_db: float
    """Standard deviation of what is common to all levels of a sequence: world's and device's [dB]."""
    turned_share: float
    """Share of antennas that point anywhere."""

    def fit(
        self,
        deviation: Float[Tensor, "way token"],
        own_variance: Float[Tensor, "way unlike"],
        noise: Float[Tensor, "way token"],
        shared: Float[Tensor, "#way unlike unlike"],
        cell: Int[Tensor, " unlike"],
        of_map: Float[Tensor, "way unlike unlike"] | None = None,
        repeats: Int[Tensor, " token"] | None = None,
    ) -> LevelFit:
        """ln density of the levels, and the common offset.

        Args:
            deviation: reported less mapped level [dB].
            own_variance: of what is Gaussian and a cell's own [dB²], above 0; but for `of_map`, for the whole way.
            noise: variance of each level's own noise [dB²].
            shared: correlation of the residuals of two tokens.
            cell: of each token.
            of_map: covariance of what the map errs by, where it does [dB²].
            repeats: where some are of the same cell at the same place as others, which of the unlike ones, that all
                but `deviation` and `noise` are of, each is.
        """
        of_cell = (cell[:, None] == cell.unique()).float()
        by_cell = of_cell.expand(len(deviation), -1, -1)
        spread = (self.residual.central_variance + own_variance).sqrt()
        lasting = own_variance if of_map is None else own_variance - of_map.diagonal(dim1=1, dim2=2)
        correlation = self._correlation(shared, lasting.sqrt(), spread, of_cell)
        if of_map is not None:
            correlation.add_(of_map / (spread[:, :, None] * spread[:, None, :]))
        gaussian = own_variance.sqrt()
        if repeats is not None:
            of_cell, spread, gaussian = of_cell[repeats], spread[:, repeats], gaussian[:, repeats]
        near = self._rough_offset(deviation, spread, noise, of_cell)
        score, log_slope = self.residual.scores(deviation - near, gaussian)
        slope = log_slope.exp()
        whitening = Whitening.of(correlation, slope.square() * noise, repeats)
        white, cells_white = whitening(torch.stack([score, slope], dim=2), by_cell)
        offset, width = self._offset(near, white)
        nodes, weights = (torch.from_numpy(each).float() for each in np.polynomial.hermite.hermgauss(NODES))
        level = offset + width * nodes
        deviation, gaussian = (each[..., None].expand(-1, -1, NODES) for each in (deviation, gaussian))
        score, log_slope = self.residual.scores(deviation - level[:, None], gaussian)
        white, _ = whitening(score, by_cell[..., :0])
        density = log_slope.sum(dim=1) + self._copula(white, cells_white)
        density = density - level.square() / (2 * self.offset_spread_db**2) + weights.log() + nodes.square()
        total = torch.logsumexp(density, dim=1) + width[:, 0].log() - whitening.log_determinant
        return LevelFit(total, offset[:, 0], score[..., NODES // 2], whitening)

    def _correlation(
        self,
        shared: Float[Tensor, "#way unlike unlike"],
        lasting: Float[Tensor, "way unlike"],
        spread: Float[Tensor, "way unlike"],
        of_cell: Float[Tensor, "unlike cell"],
    ) -> Float[Tensor, "way unlike unlike"]:
        """Of what cells err by: the residual's part, and the Gaussian one, which is the same in all of a cell's levels.

        These matrices are most of what a fit reads and writes, so each is changed in place.
        """
        own = (lasting / spread)[..., None] * of_cell
        part = self.residual.central_variance**0.5 / spread
        correlation = shared * part[:, :, None]
        return correlation.mul_(part[:, None, :]).baddbmm_(own, own.transpose(1, 2))

    def _rough_offset(
        self,
        deviation: Float[Tensor, "way token"],
        spread: Float[Tensor, "way token"],
        noise: Float[Tensor, "way token"],
        of_cell: Float[Tensor, "token cell"],
    ) -> Float[Tensor, "way 1"]:
        """The common offset as if cells erred independently; where tails are heavy, the far are drawn in."""
        reach = (2.5 if self.residual.central_variance else torch.inf) * spread
        middle = deviation.median(dim=1, keepdim=True).values
        drawn_in = middle + torch.clamp(deviation - middle, -reach, reach)
        weight = 1 / (of_cell @ of_cell.sum(dim=0) * spread.square() + noise)
        return (weight * drawn_in).sum(dim=1, keepdim=True) / (
            weight.sum(dim=1, keepdim=True) + 1 / self.offset_spread_db**2
        )

    def _offset(
        self, near: Float[Tensor, "way 1"], white: Float[Tensor, "way white 2"]
    ) -> tuple[Float[Tensor, "way 1"], Float[Tensor, "way 1"]]:
        """The likeliest common offset, a Newton step from one near it, and the scale of its quadrature.

        White are the scores and their slopes.
        """
        precision = white[..., 1].square().sum(dim=1, keepdim=True) + 1 / self.offset_spread_db**2
        pull = (white[..., 0] * white[..., 1]).sum(dim=1, keepdim=True) - near / self.offset_spread_db**2
        return near + pull / precision, (2 * WIDENING / precision).sqrt()

    def _copula(
        self, white: Float[Tensor, "way white node"], cells_white: Float[Tensor, "way unlike cell"]
    ) -> Float[Tensor, "way node"]:
        """ln of the copula's Gaussian, a mixture over which one cell, if any, has a turned antenna.

        A turned cell's scores share a shift of variance `TURNED_SCORE`² (Woodbury's identity).
        """
        straight = -white.square().sum(dim=1) / 2
        if self.turned_share == 0:
            return straight
        precision = TURNED_SCORE**-2 + cells_white.square().sum(dim=1)
        shifted = cells_white.transpose(1, 2) @ white[:, : cells_white.shape[1]]
        turned = shifted.square() / (2 * precision[..., None])
        likely = math.log(self.turned_share) - 0.5 * torch.log(precision * TURNED_SCORE**2)
        turned = torch.logsumexp(turned + likely[..., None], dim=1)
        return straight + torch.logaddexp(torch.zeros(()), turned)
