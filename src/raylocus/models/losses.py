"""Losses: coarse cross-entropy, fine negative log-likelihood, and the physics of the predicted position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import OBSERVED, SequenceTensors
from raylocus.models.point_heads import PointPrediction, circles
from raylocus.models.prediction import Prediction, coarse_centres, gaussian_log_density

#: Error from which on a point's loss grows linearly [m].
HUBER_BEND = 20.0


@dataclass(frozen=True)
class LossConfiguration:
    """Weights of the losses."""

    fine: float = 0.5
    """Weight of the fine negative log-likelihood."""
    physics: float = 0.02
    """Weight of the physics loss."""
    target_spread: float = 5.0
    """Standard deviation of the coarse target about the truth [m]."""


def location_loss(
    prediction: Prediction, sequences: SequenceTensors, maps: PlaceMaps, configuration: LossConfiguration
) -> Float[Tensor, ""]:
    """Loss of the position by what the answer is, and the weighted physics loss [nats]."""
    target = sequences.target
    position = (
        point_loss(prediction, target)
        if isinstance(prediction, PointPrediction)
        else density_loss(prediction, target, maps, configuration)
    )
    return position + configuration.physics * physics_loss(prediction, sequences, maps)


def density_loss(
    prediction: Prediction,
    target: Float[Tensor, "batch 2"],
    maps: PlaceMaps,
    configuration: LossConfiguration,
) -> Float[Tensor, ""]:
    """Cross-entropy of the coarse cells, and the weighted negative log-likelihood of the truth [nats]."""
    wanted = soft_target(target, maps, configuration.target_spread)
    coarse = -(wanted * prediction.log_mass.flatten(1)).sum(1).mean()
    fine = -prediction.log_density(target[:, None])[:, 0].clamp(min=-25).mean()
    return coarse + configuration.fine * fine


def point_loss(prediction: PointPrediction, target: Float[Tensor, "batch 2"]) -> Float[Tensor, ""]:
    """Huber loss of the point in units of `HUBER_BEND`; the likelihood trains nothing but the spread about it."""
    off = (prediction.point - target) / HUBER_BEND
    distance = functional.huber_loss(off, torch.zeros_like(off), reduction="none").sum(1).mean()
    circle = circles(prediction.spread, len(off))[:, None]
    density = gaussian_log_density(target[:, None], prediction.point[:, None].detach(), circle)
    return distance - density.clamp(min=-25).mean()


def soft_target(
    target: Float[Tensor, "batch 2"], maps: PlaceMaps, spread: float
) -> Float[Tensor, "batch ground"]:
    """Probability of each coarse cell under a Gaussian about the truth, restricted to outdoor ground."""
    distance = torch.cdist(target, coarse_centres(maps))
    weight = torch.exp(-0.5 * (distance / spread) ** 2) * (maps.outdoor.flatten() + 1e-3)
    return weight / weight.sum(1, keepdim=True)


def physics_loss(prediction: Prediction, sequences: SequenceTensors, maps: PlaceMaps) -> Float[Tensor, ""]:
    """Huber loss, in units of 10 dB, between the last report's levels and R at the predicted position.

    Each sequence's mean residual is removed first: a level common to all cells says nothing of the
    position. Cells that were not reported or that have no path in R there have no part.
    """
    mapped = lookup(maps.fine_level, local_mean(prediction), maps.size)
    observed = sequences.observed[:, -1, :, OBSERVED.index("rsrp")]
    used = ~(observed.isnan() | mapped.isnan())
    residual = torch.where(used, torch.nan_to_num(observed) - torch.nan_to_num(mapped), 0)
    count = used.sum(1, keepdim=True).clamp(min=1)
    residual = (residual - residual.sum(1, keepdim=True) / count) * used
    loss = functional.huber_loss(residual / 10, torch.zeros_like(residual), reduction="none")
    return (loss.sum(1) / count[:, 0]).mean()


def local_mean(prediction: Prediction) -> Float[Tensor, "batch 2"]:
    """Mean position [m] of the mixtures of the most probable coarse cells: differentiable."""
    mass = prediction.log_mass.flatten(1).gather(1, prediction.top).softmax(1)
    centre = (prediction.log_weight.exp()[..., None] * prediction.mean).sum(2)
    return (mass[..., None] * centre).sum(1)


def lookup(
    level: Float[Tensor, "cell fine_y fine_x"], point: Float[Tensor, "batch 2"], size: float
) -> Float[Tensor, "batch cell"]:
    """Bilinear lookup of maps at points (x, y) [m], differentiable in the points; NaN next to one without a path."""
    grid = (point / (size / 2))[None, :, None]
    pathless = level.isnan().to(level)[None]
    value = functional.grid_sample(
        torch.nan_to_num(level)[None], grid, align_corners=False, padding_mode="border"
    )
    near_pathless = (
        functional.grid_sample(pathless, grid.detach(), align_corners=False, padding_mode="border") > 1e-6
    )
    return torch.where(near_pathless, torch.nan, value)[0, :, :, 0].transpose(0, 1)
