"""What the errors of one report's cells share, in closed form: a part common to all and one common to each site."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from raylocus.calibration.error_law import ErrorLaw
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class SharedErrors:
    """Correlation of the scores of one report's cells: a + b within a site + own, inverted in closed form.

    R = d I + b Σ_s 1_s 1_sᵀ + a 1 1ᵀ over the heard cells; Woodbury's identity twice.
    """

    heard: Bool[Tensor, "report cell"]
    by_all: float
    by_site: float
    own: float
    member: Float[Tensor, "site cell"]
    count: Float[Tensor, "report site"]
    left: Float[Tensor, "report cell"]
    """Standard deviation of a silent cell's score, given the heard ones."""

    @classmethod
    def of(cls, heard: Bool[Tensor, "report cell"], deployment: Deployment, law: ErrorLaw) -> SharedErrors:
        """Of the heard cells of each report."""
        shared = 1 - law.own_share
        by_all, by_site = shared * law.shared_by_all, shared * law.shared_by_site
        member = single(np.equal.outer(np.arange(len(deployment.sites)), deployment.site_of_cell))
        count = heard.float() @ member.T
        made = cls(heard, by_all, by_site, 1 - by_all - by_site, member, count, torch.zeros(heard.shape))
        return cls(heard, by_all, by_site, made.own, member, count, made._left())

    def _shrink(self) -> Float[Tensor, "report site"]:
        """What a site's sum is multiplied with by (d I + b 1 1ᵀ)⁻¹."""
        return 1 / (self.own + self.count * self.by_site)

    def _left(self) -> Float[Tensor, "report cell"]:
        """√(1 − ρᵀ R⁻¹ ρ), ρ = a + b on the cell's own site."""
        ones = self.count * self._shrink()
        total = ones.sum(dim=1, keepdim=True)
        joint = 1 / (1 + self.by_all * total)
        own_site = ones @ self.member
        plain = self.by_all**2 * total + (2 * self.by_all * self.by_site + self.by_site**2) * own_site
        linear = self.by_all * total + self.by_site * own_site
        explained = plain - self.by_all * joint * linear**2
        return (1 - explained).clamp(min=0.05).sqrt()

    def _sums(self, score: Float[Tensor, "report cell place"]) -> Float[Tensor, "report site place"]:
        return torch.einsum("sc,rcx->rsx", self.member, score)

    def log_ratio(self, score: Float[Tensor, "report cell place"]) -> Float[Tensor, "report place"]:
        """ln density of the scores over that of independent ones."""
        sums, shrink = self._sums(score), self._shrink()[:, :, None]
        squares = (score**2).sum(dim=1)
        within = (squares - (self.by_site * shrink * sums**2).sum(dim=1)) / self.own
        total, ones = (sums * shrink).sum(dim=1), (self.count * self._shrink()).sum(dim=1, keepdim=True)
        quadratic = within - self.by_all * total**2 / (1 + self.by_all * ones)
        determinant = (self.count.sum(dim=1) * math.log(self.own))[:, None]
        determinant = determinant + torch.log1p(self.count * self.by_site / self.own).sum(dim=1, keepdim=True)
        determinant = determinant + torch.log1p(self.by_all * ones)
        return (squares - quadratic - determinant) / 2

    def jointly(self, log_silence: Float[Tensor, "report cell place"]) -> Float[Tensor, "report place"]:
        """ln probability that all are silent, given that of each (0 for heard ones).

        Cells of one site err together: between the sum, were they independent, and the least, were they one.
        """
        together = (self.by_all + self.by_site) / (self.by_all + self.by_site + self.own)
        found = (1 - together) * log_silence.sum(dim=1)
        for member in self.member:
            found = found + together * log_silence[:, member > 0].amin(dim=1)
        return found

    def expected(self, score: Float[Tensor, "report cell place"]) -> Float[Tensor, "report cell place"]:
        """Mean score of every cell as a silent one, given the heard: a 1ᵀR⁻¹z + b 1_sᵀR⁻¹z."""
        shrink = self._shrink()[:, :, None]
        sums = self._sums(score) * shrink
        ones = (self.count * self._shrink())[:, :, None]
        total = sums.sum(dim=1, keepdim=True)
        pulled = self.by_all * total / (1 + self.by_all * ones.sum(dim=1, keepdim=True))
        site = sums - ones * pulled
        return self.by_all * site.sum(dim=1, keepdim=True) + self.by_site * torch.einsum(
            "sc,rsx->rcx", self.member, site
        )


def single(values: np.ndarray) -> Tensor:
    """In single precision."""
    return torch.from_numpy(np.asarray(values, np.float32))
