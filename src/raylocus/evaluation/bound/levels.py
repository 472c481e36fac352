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

from raylocus.evaluation.bound.whitening import Whitening
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

    The Gaussian part of a level is each cell's own level error, what the worlds of an ensemble differ by, and the
    noise of the report. The margin is exact: Student t convolved with the Gaussian. The copula's correlation is
    approximate: each part enters with the variance that it has near the margin's centre, where t looks Gaussian.
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
    score = np.concatenate([-score[:, :0:-1], score], axis=1)
    log_slope = np.concatenate([log_slope[:, :0:-1], log_slope], axis=1)
    return torch.from_numpy(score.astype(np.float32)), torch.from_numpy(log_slope.astype(np.float32))


@dataclass(frozen=True)
class LevelFit:
    """What levels say of some hypothetical ways."""

    log_density: Float[Tensor, " way"]
    offset: Float[Tensor, " way"]
    """Mean of the common offset given the way [dB]."""
    offset_variance: Float[Tensor, " way"]
    """Its variance [dB²]."""
    score: Float[Tensor, "way token"]
    """Of each level less the offset."""
    whitening: Whitening


@dataclass(frozen=True)
class LevelLaw:
    """The law of a sequence's levels given where the UE was.

    A level is its map's, an offset common to all, what its cell errs by there, and its own noise. What cells err by is
    a Gaussian copula, see `ResidualLaw`; noise is small against it, so that it is noise on the copula's scores as well,
    times the slope of the score there: where the tail is heavy, scores hardly move.
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
            shared: correlation of the residuals of two levels.
            cell: of each level.
            of_map: covariance of what the map errs by, where it does [dB²].
            repeats: where levels repeat each other (of one cell at one place), which of the unlike ones each is: of
                these alone are all arguments but `deviation` and `noise`.
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
        variance = width.square() / (2 * WIDENING)
        return LevelFit(total, offset[:, 0], variance[:, 0], score[..., NODES // 2], whitening)

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
        return (shared * part[:, :, None]).mul_(part[:, None, :]).baddbmm_(own, own.transpose(1, 2))

    def _rough_offset(
        self,
        deviation: Float[Tensor, "way token"],
        spread: Float[Tensor, "way token"],
        noise: Float[Tensor, "way token"],
        of_cell: Float[Tensor, "token cell"],
    ) -> Float[Tensor, "way 1"]:
        """The common offset as if cells erred independently; where tails are heavy, the far are drawn in."""
        reach = (2.5 if self.residual.central_variance else torch.inf) * spread
        middle = deviation.median(dim=1, keepdim=True).values if deviation.shape[1] else 0.0
        drawn_in = middle + torch.clamp(deviation - middle, -reach, reach)
        weight = 1 / (of_cell @ of_cell.sum(dim=0) * spread.square() + noise)
        return (weight * drawn_in).sum(dim=1, keepdim=True) / (
            weight.sum(dim=1, keepdim=True) + 1 / self.offset_spread_db**2
        )

    def _offset(
        self, near: Float[Tensor, "way 1"], white: Float[Tensor, "way white 2"]
    ) -> tuple[Float[Tensor, "way 1"], Float[Tensor, "way 1"]]:
        """The likeliest common offset, a Newton step by white scores and slopes, and the scale of its quadrature."""
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
