"""The law of what a map leaves unexplained at known points: a Student t margin and a Gaussian copula over the ground.

It is the law of `scenes.world.WorldLaw`'s residual, with a share that is each report's own (receiver, device, what
materials do path by path). A thousand points of one street are worth the few that are independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln, ndtri, stdtr, stdtrit

from raylocus.scenes.world import WorldLaw

#: Tokens of one block at most: blocks are taken as independent of each other.
BLOCK_TOKENS = 500
#: Scale of what is each report's own [dB]: measurement errors, each building's materials, scattering.
OWN_DB = 2.0
#: Places at most whose pairs' mean correlation is computed.
MOST_ALIKE = 1000


@dataclass(frozen=True)
class ErrorLaw:
    """How levels scatter about the calibrated map."""

    scale: float
    """Of the Student t margin [dB]."""
    freedom: float = 4.0
    own_share: float = 0.15
    """Share of the variance that is each report's own."""
    distance: float = 40.0
    """Correlation distance over the ground [m]."""
    shared_by_all: float = 0.2
    """Share of the rest that is common to all cells."""
    shared_by_site: float = 0.5
    """Share of the rest that is common to the cells of one site."""

    @classmethod
    def of(cls, law: WorldLaw, severity: float | None = None) -> ErrorLaw:
        """The law of a radio world."""
        chosen = law.severity if severity is None else severity
        scale = float(np.hypot(max(chosen, 0.05) * law.residual_db, OWN_DB))
        return cls(
            scale=scale,
            freedom=law.residual_freedom,
            own_share=(OWN_DB / scale) ** 2,
            distance=law.residual_distance,
            shared_by_all=law.residual_shared_by_all,
            shared_by_site=law.residual_shared_by_site,
        )

    @property
    def robust_deviation(self) -> float:
        """1.4826 times the median absolute deviation of the margin [dB]."""
        return float(1.4826 * self.scale * stdtrit(self.freedom, 0.75))

    def scores(self, error: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Standard Gaussian scores of errors [dB], quantile by quantile."""
        below = stdtr(self.freedom, -np.abs(error) / self.scale)
        return -np.sign(error) * ndtri(np.maximum(below, 1e-300))

    def slopes(
        self, error: Float[np.ndarray, "..."], score: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """Derivative of the scores by the errors [1/dB]."""
        return self.density(error) * np.sqrt(2 * np.pi) * np.exp(np.minimum(score**2 / 2, 600.0))

    def density(self, error: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Of the margin [1/dB]."""
        freedom = self.freedom
        top = (
            np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2)) / np.sqrt(freedom * np.pi) / self.scale
        )
        return top * (1 + (error / self.scale) ** 2 / freedom) ** (-(freedom + 1) / 2)

    def pull(self, error: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """−d ln density / d error [1/dB]."""
        return (self.freedom + 1) * error / (self.freedom * self.scale**2 + error**2)

    def alike(self, xy: Float[np.ndarray, "place 2"]) -> float:
        """Mean correlation of one cell's scores at two places drawn from these."""
        some = xy[:: -(-len(xy) // MOST_ALIKE)]
        apart = np.linalg.norm(some[:, None] - some[None], axis=-1)
        return float((1 - self.own_share) * np.exp(-apart / self.distance).mean())

    def correlation(self, tokens: Tokens, other: Tokens) -> Float[np.ndarray, "token other"]:
        """Correlation of what is not each report's own between tokens, times its share of the variance."""
        apart = np.linalg.norm(tokens.xy[:, None] - other.xy[None], axis=-1)
        same_site = tokens.site[:, None] == other.site[None]
        same_cell = tokens.cell[:, None] == other.cell[None]
        own = 1 - self.shared_by_all - self.shared_by_site
        shared = self.shared_by_all + self.shared_by_site * same_site + own * same_cell
        return (1 - self.own_share) * shared * np.exp(-apart / self.distance)


@dataclass(frozen=True)
class Tokens:
    """Where tokens are, and of which cell."""

    xy: Float[np.ndarray, "token 2"]
    cell: Int[np.ndarray, " token"]
    site: Int[np.ndarray, " token"]
    count: Float[np.ndarray, " token"]
    """Reports that each is the mean of."""

    def select(self, index: Int[np.ndarray, " chosen"]) -> Tokens:
        """Some of them."""
        return Tokens(self.xy[index], self.cell[index], self.site[index], self.count[index])


@dataclass(frozen=True)
class Block:
    """Tokens near each other with the inverse of their scores' covariance."""

    index: Int[np.ndarray, " token"]
    precision: Float[np.ndarray, "token token"]
    log_determinant: float
    """Of the covariance."""


def blocks_of(tokens: Tokens, law: ErrorLaw, parts: list[Int[np.ndarray, " part"]]) -> list[Block]:
    """The covariance of each part's scores, inverted."""
    found = []
    for index in parts:
        some = tokens.select(index)
        covariance = law.correlation(some, some)
        covariance[np.diag_indices_from(covariance)] += law.own_share / some.count
        factor = np.linalg.cholesky(covariance)
        inverse = np.linalg.inv(factor)
        found.append(Block(index, inverse.T @ inverse, float(2 * np.log(np.diag(factor)).sum())))
    return found


def spatial_parts(
    xy: Float[np.ndarray, "token 2"], most: int = BLOCK_TOKENS
) -> list[Int[np.ndarray, " part"]]:
    """Tokens in parts of at most so many, halved across the wider side again and again."""
    waiting = [np.arange(len(xy))]
    done = []
    while waiting:
        index = waiting.pop()
        if len(index) <= most:
            done.append(index)
            continue
        axis = int(np.ptp(xy[index], axis=0).argmax())
        order = index[np.argsort(xy[index, axis], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return [index for index in done if len(index)]


@dataclass(frozen=True)
class Curved:
    """−ln density of errors with its gradient and a positive semidefinite second derivative."""

    loss: float
    gradient: Float[np.ndarray, " token"]
    blocks: list[tuple[Int[np.ndarray, " part"], Float[np.ndarray, "part part"]]]
    """Second derivatives, block by block."""

    def normal(
        self, slopes: Float[np.ndarray, "token value"]
    ) -> tuple[Float[np.ndarray, " value"], Float[np.ndarray, "value value"]]:
        """Gradient and second derivative by values that lower the errors with these slopes."""
        hessian = np.zeros((slopes.shape[1], slopes.shape[1]))
        for index, curvature in self.blocks:
            hessian += slopes[index].T @ (curvature @ slopes[index])
        return -slopes.T @ self.gradient, hessian


def loss_of_errors(error: Float[np.ndarray, " token"], law: ErrorLaw, blocks: list[Block]) -> Curved:
    """−ln density of the errors of levels, but for constants that no parameter changes."""
    score = law.scores(error)
    slope = law.slopes(error, score)
    loss = -float(np.log(law.density(error)).sum())
    gradient = law.pull(error)
    curvatures = []
    for block in blocks:
        own, steep = score[block.index], slope[block.index]
        pulled = block.precision @ own - own
        loss += 0.5 * (float(own @ pulled) + block.log_determinant)
        gradient[block.index] += steep * pulled
        curvatures.append((block.index, block.precision * steep[:, None] * steep[None]))
    return Curved(loss, gradient, curvatures)
