"""What makes correlated scores white, where some repeat others but for their noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Whitening:
    """What makes some scores white.

    Those that repeat others come to their mean and what each is off it, which needs no matrix (Woodbury's identity).
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

        The second ones are of values that all who repeat a score share.
        """
        mean, weight = columns, self.precision[..., None]
        if self.repeats is not None:
            total = torch.cat([columns, torch.ones_like(weight)], dim=2) * weight
            sums = torch.zeros(*self.factor.shape[:2], total.shape[2]).index_add_(1, self.repeats, total)
            mean = sums[..., :-1] / sums[..., -1:]
        white = torch.linalg.solve_triangular(self.factor, torch.cat([mean, shared], dim=2), upper=False)
        own, others = white.split([columns.shape[2], shared.shape[2]], dim=2)
        if self.repeats is not None:
            off = (columns - mean.index_select(1, self.repeats)).mul_(weight.sqrt())
            own = torch.cat([own, off], dim=1)
        return own, others
