"""The log density over the ground as a sum over tokens of simple laws of distance and direction, several sums mixed.

Each token of each of `EXPERTS` sums has
- a Student law of the logarithm of the distance: where a level says that the UE is,
- a soft step in it: where a silent site says that it is not,
- a Student law of the distance itself about a range by timing,
- three harmonics of the angle off the listed azimuth.
The encoder gives their centres, widths and weights. A mixture of sums is what integrating a nuisance out leaves: a
device's level or which of two antennas is listed wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

#: Sums that are mixed, and numbers that one token gives to one.
EXPERTS, COEFFICIENTS = 3, 12
#: Distance below which nothing changes, in scales.
NEAR = 0.03
#: Scale of the law that holds everything together far away.
FAR = 4.0


@dataclass(frozen=True)
class Field:
    """The densities of a batch of reports."""

    position: Float[Tensor, "report token 2"]
    direction: Float[Tensor, "report token 2"]
    range: Float[Tensor, "report token"]
    range_error: Float[Tensor, "report token"]
    present: Bool[Tensor, "report token"]
    coefficients: Float[Tensor, "report token expert coefficient"]
    weight: Float[Tensor, "report expert"]
    """Logarithm of each sum's weight."""

    def __len__(self) -> int:
        return len(self.position)

    def log_density(self, points: Float[Tensor, "report point 2"]) -> Float[Tensor, "report point"]:
        """Unnormalised log density at points in each report's frame."""
        step = points[:, :, None] - self.position[:, None]
        square = step.square().sum(-1)
        distance = torch.sqrt(square + NEAR**2)
        terms = self._distance_terms(torch.log(distance)[..., None])
        terms = terms + self._range_terms(distance) + self._angle_terms(step, distance)
        sums = (terms * self.present[:, None, :, None]).sum(2) + self.weight[:, None]
        held = -1.6 * torch.log1p(points.square().sum(-1) / FAR**2)
        return torch.logsumexp(sums, dim=-1) + held

    def _part(self, first: int, last: int) -> Float[Tensor, "report 1 token expert part"]:
        return self.coefficients[:, None, ..., first:last]

    def _distance_terms(
        self, log_distance: Float[Tensor, "report point token 1"]
    ) -> Float[Tensor, "report point token expert"]:
        centre, width, weight, step, sharpness, height = self._part(0, 6).unbind(-1)
        off = (log_distance - centre) * torch.exp(-width)
        beyond = (log_distance - step) * torch.exp(sharpness)
        return -functional.softplus(weight) * torch.log1p(off.square()) + height * torch.sigmoid(beyond)

    def _range_terms(
        self, distance: Float[Tensor, "report point token"]
    ) -> Float[Tensor, "report point token expert"]:
        bias, width, weight = self._part(6, 9).unbind(-1)
        timed = torch.isfinite(self.range)[:, None, :, None]
        spread = (torch.nan_to_num(self.range_error) + 0.02)[:, None, :, None]
        off = (distance - torch.nan_to_num(self.range)[:, None])[..., None] / spread - bias
        return -functional.softplus(weight) * timed * torch.log1p((off * torch.exp(-width)).square())

    def _angle_terms(
        self, step: Float[Tensor, "report point token 2"], distance: Float[Tensor, "report point token"]
    ) -> Float[Tensor, "report point token expert"]:
        cosine = (step * self.direction[:, None]).sum(-1) / (distance + NEAR)
        harmonics = torch.stack([cosine, 2 * cosine**2 - 1, 4 * cosine**3 - 3 * cosine], dim=-1)
        known = (self.direction.square().sum(-1) > 0)[:, None, :, None]
        return torch.einsum("bpth,bteh->bpte", harmonics, self.coefficients[..., 9:12]) * known
