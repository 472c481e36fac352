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
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
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
        east, north = points.movedim(-1, 0).contiguous()
        x, y = east[:, None] - self.position[..., :1], north[:, None] - self.position[..., 1:]
        distance = torch.sqrt(x.square() + y.square() + NEAR**2)
        sums = self._distance_terms(torch.log(distance)[:, None]) + self._angle_terms(x, y, distance)
        if len(self._ranged):
            sums = sums + self._range_terms(distance[:, None, self._ranged])
        held = 1.6 * torch.log1p((east.square() + north.square()) / FAR**2)
        return torch.logsumexp(sums, dim=1) - held

    def _part(self, first: int, last: int) -> Float[Tensor, "part report expert token 1"]:
        """Coefficients with the points last, so that what all points share is read once."""
        return self.coefficients[..., first:last].permute(3, 0, 2, 1)[..., None].contiguous()

    @cached_property
    def _timed(self) -> Bool[Tensor, "report token"]:
        return self.present & torch.isfinite(self.range)

    @cached_property
    def _ranged(self) -> Int[Tensor, " some"]:
        """Tokens that any report has a range of."""
        return self._timed.any(0).nonzero()[:, 0]

    @cached_property
    def _distance_laws(self) -> tuple[Float[Tensor, "report expert token 1"], ...]:
        """Centre, sharpness and weight of the Student law, then of the step."""
        centre, width, weight, step, sharpness, height = self._part(0, 6)
        there = self.present[:, None, :, None]
        laws = (centre, torch.exp(-width), -functional.softplus(weight) * there)
        return *laws, step, torch.exp(sharpness), height * there

    @cached_property
    def _range_laws(self) -> tuple[Float[Tensor, "report _ some 1"], ...]:
        """Middle, sharpness, bias and weight of the `_ranged` tokens."""
        some = self._ranged
        bias, width, weight = self._part(6, 9)[:, :, :, some]
        error, middle = (
            torch.nan_to_num(each[:, None, some, None]) for each in (self.range_error, self.range)
        )
        narrow = torch.exp(-width)
        weight = -functional.softplus(weight) * self._timed[:, None, some, None]
        return middle, narrow / (error + 0.02), bias * narrow, weight

    @cached_property
    def _angle_weights(
        self,
    ) -> tuple[Float[Tensor, "report expert power_token"], Float[Tensor, "report expert 1"]]:
        """Of the cosine's first three powers, which give the harmonics, and what is the same everywhere."""
        known = self.present & (self.direction != 0).any(-1)
        first, second, third = (self._part(9, 12)[..., 0] * known[:, None]).unbind(0)
        powers = torch.cat([first - 3 * third, 2 * second, 4 * third], dim=2)
        return powers, self.weight[..., None] - second.sum(2, keepdim=True)

    def _distance_terms(
        self, log_distance: Float[Tensor, "report 1 token point"]
    ) -> Float[Tensor, "report expert point"]:
        centre, narrow, weight, step, sharp, height = self._distance_laws
        law = _student((log_distance - centre).mul_(narrow))
        return _weighed(weight, law) + _weighed(height, (log_distance - step).mul_(sharp).sigmoid_())

    def _range_terms(
        self, distance: Float[Tensor, "report 1 some point"]
    ) -> Float[Tensor, "report expert point"]:
        middle, sharpness, bias, weight = self._range_laws
        return _weighed(weight, _student((distance - middle) * sharpness - bias))

    def _angle_terms(
        self,
        x: Float[Tensor, "report token point"],
        y: Float[Tensor, "report token point"],
        distance: Float[Tensor, "report token point"],
    ) -> Float[Tensor, "report expert point"]:
        towards_x, towards_y = self.direction[..., None].unbind(2)
        cosine = (x * towards_x + y * towards_y) / (distance + NEAR)
        square, (weight, even) = cosine.square(), self._angle_weights
        return torch.baddbmm(even, weight, torch.cat([cosine, square, square * cosine], dim=1))


def _student(error: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """log(1 + error²), in place: of a large number of points every pass over the memory counts."""
    # Several times faster than log1p; what is below its rounding is nothing in a sum of laws.
    return error.square_().add_(1).log_()


def _weighed(
    weight: Float[Tensor, "report expert token 1"], terms: Float[Tensor, "report expert token point"]
) -> Float[Tensor, "report expert point"]:
    return (weight.transpose(-1, -2) @ terms)[:, :, 0]
