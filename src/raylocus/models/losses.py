"""Losses of a prediction, coarse cross-entropy and fine negative log-likelihood, and the weights of all losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.physics.live import PhysicsVariant
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
    """Weight of the physics loss, see `models.physics`; at 0 it is not computed."""
    physics_by: PhysicsVariant = "bilinear"
    """What the measurements are compared with at the predicted position: `bilinear` and `drjit` look R up, `images` and
    `path_solver` follow paths, for which the folders of the dataset's places must be there."""
    target_spread: float = 5.0
    """Standard deviation of the coarse target about the truth [m]."""


def location_loss(
    prediction: Prediction, sequences: SequenceTensors, maps: PlaceMaps, configuration: LossConfiguration
) -> Float[Tensor, ""]:
    """Loss of the position by what the answer is [nats]; the physics loss comes to it in training."""
    target = sequences.target
    if isinstance(prediction, PointPrediction):
        return point_loss(prediction, target)
    return density_loss(prediction, target, maps, configuration)


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


def local_mean(prediction: Prediction) -> Float[Tensor, "batch 2"]:
    """Mean position [m] of the mixtures of the most probable coarse cells: differentiable."""
    mass = prediction.log_mass.flatten(1).gather(1, prediction.top).softmax(1)
    centre = (prediction.log_weight.exp()[..., None] * prediction.mean).sum(2)
    return (mass[..., None] * centre).sum(1)
