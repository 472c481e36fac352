"""What the network answers, and the heads that give it: a heatmap and Gaussian mixtures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.stream import Evidence
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.set_layers import zero_linear


@dataclass(frozen=True)
class Prediction:
    """p(x) = Σ_k p(k)·Σ_m w_km·N(x; μ_km, Σ_km) over the top cells k, and p(k) spread evenly over each other cell."""

    log_mass: Float[Tensor, "batch y x"]
    """Log-probability of each coarse cell."""
    top: Int[Tensor, "batch top"]
    """Flat index of the cells with a mixture, most probable first."""
    log_weight: Float[Tensor, "batch top component"]
    """Log-weights within each of them."""
    mean: Float[Tensor, "batch top component 2"]
    """Component means (x, y) [m]."""
    cholesky: Float[Tensor, "batch top component 3"]
    """Lower Cholesky factor of each covariance: (xx, yx, yy) [m]."""
    detail: Float[Tensor, "batch sharp_y sharp_x"]
    """Log-density of sharp ground cells relative to what all the above says [nats], see `log_density`."""
    resolution: float
    """Side of a coarse cell [m]."""
    size: float
    """Side of the tile [m]."""

    def log_density(self, point: Float[Tensor, "batch point 2"]) -> Float[Tensor, "batch point"]:
        """Log of the density [1/m²] at points (x, y) [m] of each sequence's tile.

        By heatmap and mixtures, times the detail there, over the mean detail: that at the components' means.
        """
        log_mass = self.log_mass.flatten(1)
        top_mass = log_mass.gather(1, self.top)
        weight = (top_mass[..., None] + self.log_weight).flatten(1)
        peaks = gaussian_log_density(point, self.mean.flatten(1, 2), self.cholesky.flatten(1, 2))
        mixture = torch.logsumexp(weight[:, None] + peaks, -1)
        spread = log_mass.scatter(1, self.top, -30.0).gather(1, self.cell_of(point))
        smooth = torch.logaddexp(mixture, spread - 2 * math.log(self.resolution))
        rest = torch.log1p(-top_mass.exp().sum(1).clamp(max=1 - 1e-6))
        at_means = torch.logsumexp(weight + self._detail_at(self.mean.flatten(1, 2)), 1)
        return smooth + self._detail_at(point) - torch.logaddexp(at_means, rest)[:, None]

    def _detail_at(self, point: Float[Tensor, "batch point 2"]) -> Float[Tensor, "batch point"]:
        return self.detail.flatten(1).gather(1, self._cell_of(point, self.detail.shape[-1]))

    def cell_of(self, point: Float[Tensor, "batch point 2"]) -> Int[Tensor, "batch point"]:
        """Flat index of the coarse cell of each point; points outside count to the nearest cell."""
        return self._cell_of(point, self.log_mass.shape[-1])

    def _cell_of(self, point: Float[Tensor, "batch point 2"], side: int) -> Int[Tensor, "batch point"]:
        column, row = ((point / self.size + 0.5) * side).long().clamp(0, side - 1).unbind(-1)
        return row * side + column


def gaussian_log_density(
    point: Float[Tensor, "batch point 2"],
    mean: Float[Tensor, "batch component 2"],
    cholesky: Float[Tensor, "batch component 3"],
) -> Float[Tensor, "batch point component"]:
    """Log-density [1/m²] of bivariate Gaussians by their Cholesky factors."""
    xx, yx, yy = cholesky[:, None].unbind(-1)
    x, y = (point[:, :, None] - mean[:, None]).unbind(-1)
    first = x / xx
    second = (y - yx * first) / yy
    return -0.5 * (first**2 + second**2) - torch.log(xx * yy) - math.log(2 * math.pi)


def coarse_centres(maps: PlaceMaps) -> Float[Tensor, "ground 2"]:
    """Centres (x, y) [m] of the coarse cells in flat [y, x] order."""
    return ground_centres(maps.outdoor.shape[-1], maps.size, maps.outdoor.device)


@lru_cache(8)
def ground_centres(side: int, size: float, device: torch.device) -> Float[Tensor, "ground 2"]:
    """Centres (x, y) [m] of the side² cells of a tile in flat [y, x] order."""
    with torch.inference_mode(False):  # training may take them next
        axis = (torch.arange(side, device=device) + 0.5) * (size / side) - size / 2
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()], -1)


#: Numbers of one component: weight, offset x and y, log-scale x and y, correlation.
COMPONENT_WIDTH = 6
#: Smallest and largest standard deviation of a component before correlation [m].
SPREAD_RANGE = (1.5, 10.0)


class LocationHeads(nn.Module):
    """The heatmap is the evidence plus a correction that starts at zero."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.coarse_cells, self.components = configuration.coarse_cells, configuration.components
        # The same number added to every cell would change nothing, so there is none.
        self.correction = zero_linear(configuration.fusion_width, 1, bias=False)
        self.mixture = nn.Linear(configuration.fusion_width, COMPONENT_WIDTH * configuration.components)

    def forward(
        self,
        features: Float[Tensor, "batch width y x"],
        evidence: Evidence,
        maps: PlaceMaps,
    ) -> Prediction:
        """The prediction of each sequence.

        Args:
            features: fused features of every coarse cell.
            evidence: of the evidence stream.
            maps: the place.
        """
        flat = features.flatten(2).transpose(1, 2)
        logits = evidence.total.flatten(1) + self.correction(flat)[..., 0]
        log_mass = logits.log_softmax(-1)
        top = log_mass.topk(min(self.coarse_cells, log_mass.shape[1]), dim=1).indices
        chosen = flat.gather(1, top[..., None].expand(-1, -1, flat.shape[-1]))
        raw = self.mixture(chosen).unflatten(-1, (self.components, COMPONENT_WIDTH))
        resolution = maps.size / maps.outdoor.shape[-1]
        mean = coarse_centres(maps)[top][:, :, None] + resolution * torch.tanh(raw[..., 1:3])
        return Prediction(
            log_mass=log_mass.reshape(evidence.total.shape),
            top=top,
            log_weight=raw[..., 0].log_softmax(-1),
            mean=mean,
            cholesky=lower_factor(_within(SPREAD_RANGE, raw[..., 3:5]), torch.tanh(raw[..., 5])),
            detail=evidence.detail,
            resolution=resolution,
            size=maps.size,
        )


def lower_factor(
    spread: Float[Tensor, "*cells 2"], correlation: Float[Tensor, "*cells"]
) -> Float[Tensor, "*cells 3"]:
    """Lower factor (xx, yx, yy) [m] of a covariance by its standard deviations [m] and correlation, of −1 to 1.

    Full correlation would make a line of an ellipse, so it counts 0.95.
    """
    along, across = spread.unbind(-1)
    correlation = 0.95 * correlation
    return torch.stack([along, correlation * across, torch.sqrt(1 - correlation**2) * across], -1)


def _within(limits: tuple[float, float], raw: Float[Tensor, "*cells"]) -> Float[Tensor, "*cells"]:
    smallest, largest = limits
    return smallest + (largest - smallest) * torch.sigmoid(raw - 0.5)
