"""Heads that answer with one position: a Gaussian whose shape follows the sequence, and a point of constant spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.stream import Evidence
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.prediction import Prediction, coarse_centres, gaussian_log_density, lower_factor
from raylocus.models.set_layers import zero_linear

#: Length that a head's shift of the position is counted in [m].
SHIFT_SCALE = 20.0
#: Standard deviation at the start of training [m], and how many times smaller or larger it can become.
START_SPREAD, SPREAD_FACTOR = 30.0, 30.0
#: Width of the windows that a Gaussian is cut into, in coarse cells: their sum is even to 1.5 %.
WINDOW = 0.5


@dataclass(frozen=True)
class PointPrediction(Prediction):
    """A prediction that is a circle about one point, which is trained as a point."""

    point: Float[Tensor, "batch 2"]
    """Position (x, y) [m]."""
    spread: Float[Tensor, ""]
    """Standard deviation along each axis [m], the same for all."""


class PooledPosition(nn.Module):
    """The centre of mass of evidence and correction, features pooled with the same weights, and a shift by these."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.correction, self.shift = zero_linear(width, 1, bias=False), zero_linear(width, 2)

    def forward(
        self,
        features: Float[Tensor, "batch width y x"],
        evidence: Float[Tensor, "batch y x"],
        maps: PlaceMaps,
    ) -> tuple[Float[Tensor, "batch 2"], Float[Tensor, "batch width"]]:
        """Position [m] and pooled features of each sequence."""
        flat = features.flatten(2).transpose(1, 2)
        mass = (evidence.flatten(1) + self.correction(flat)[..., 0]).softmax(-1)
        pooled = torch.einsum("bg,bgw->bw", mass, flat)
        return mass @ coarse_centres(maps) + SHIFT_SCALE * self.shift(pooled), pooled


class GaussianHead(nn.Module):
    """One Gaussian for each sequence: heteroscedastic regression (Nix and Weigend 1994)."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.cells = configuration.coarse_cells
        self.position = PooledPosition(configuration.fusion_width)
        self.shape = zero_linear(configuration.fusion_width, 3)

    def forward(
        self,
        features: Float[Tensor, "batch width y x"],
        evidence: Evidence,
        maps: PlaceMaps,
    ) -> Prediction:
        """The prediction of each sequence, as of `models.prediction.LocationHeads`."""
        mean, pooled = self.position(features, evidence.total, maps)
        raw = torch.tanh(self.shape(pooled))
        spread = START_SPREAD * SPREAD_FACTOR ** raw[:, :2]
        cholesky = lower_factor(spread, raw[:, 2])
        return Prediction(**gaussian_parts(mean, cholesky, maps, self.cells))


class RegressionHead(nn.Module):
    """A point, trained by its distance; the spread about it is one number for all sequences."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.cells = configuration.coarse_cells
        self.position = PooledPosition(configuration.fusion_width)
        self.log_spread = nn.Parameter(torch.tensor(START_SPREAD).log())

    def forward(
        self,
        features: Float[Tensor, "batch width y x"],
        evidence: Evidence,
        maps: PlaceMaps,
    ) -> PointPrediction:
        """The prediction of each sequence, as of `models.prediction.LocationHeads`."""
        point, _ = self.position(features, evidence.total, maps)
        spread = self.log_spread.exp()
        parts = gaussian_parts(point, circles(spread, len(point)), maps, self.cells)
        return PointPrediction(point=point, spread=spread, **parts)


def gaussian_parts(
    mean: Float[Tensor, "batch 2"], cholesky: Float[Tensor, "batch 3"], maps: PlaceMaps, cells: int
) -> dict[str, Any]:
    """Fields of the `Prediction` that is one Gaussian of each sequence.

    The Gaussian is multiplied by a Gaussian window at every coarse cell. The windows add up to a constant, and each
    product is a Gaussian again: so the mixture of the products is the Gaussian itself, but for what lies outside.

    Args:
        mean: (x, y) [m].
        cholesky: lower factor of each covariance: (xx, yx, yy) [m].
        maps: the place.
        cells: coarse cells that carry their product; the others have their mass spread evenly.
    """
    resolution = maps.size / maps.outdoor.shape[-1]
    window = (WINDOW * resolution) ** 2
    covariance = _covariance(cholesky)
    identity = torch.eye(2).to(covariance)
    centres = coarse_centres(maps)
    factor = _factor(covariance + window * identity)
    near = gaussian_log_density(centres.expand(len(mean), -1, -1), mean[:, None], factor[:, None])
    log_mass = near[..., 0].log_softmax(-1)
    top = log_mass.topk(min(cells, log_mass.shape[1]), dim=1).indices
    # Gain of a Kalman filter that is at `mean` and is shown the cell's centre.
    gain = covariance @ torch.linalg.inv(covariance + window * identity)
    moved = mean[:, None] + (centres[top] - mean[:, None]) @ gain.transpose(1, 2)
    shape = _factor(window * gain)
    return {
        "log_mass": log_mass.reshape(len(mean), *maps.outdoor.shape),
        "top": top,
        "log_weight": torch.zeros_like(moved[..., :1]),
        "mean": moved[:, :, None],
        "cholesky": shape[:, None, None].expand(-1, top.shape[1], 1, 3),
        "detail": mean.new_zeros(len(mean), 1, 1),
        "resolution": resolution,
        "size": maps.size,
    }


def circles(spread: Float[Tensor, ""], count: int) -> Float[Tensor, "count 3"]:
    """Lower factors (xx, yx, yy) of the covariances of some circles of one standard deviation [m]."""
    return (spread * torch.tensor([1.0, 0.0, 1.0]).to(spread)).expand(count, 3)


def _factor(covariance: Float[Tensor, "batch 2 2"]) -> Float[Tensor, "batch 3"]:
    lower = torch.linalg.cholesky(covariance)
    return torch.stack([lower[:, 0, 0], lower[:, 1, 0], lower[:, 1, 1]], -1)


def _covariance(cholesky: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 2 2"]:
    xx, yx, yy = cholesky.unbind(-1)
    lower = torch.stack([torch.stack([xx, torch.zeros_like(xx)], -1), torch.stack([yx, yy], -1)], -2)
    return lower @ lower.transpose(1, 2)
