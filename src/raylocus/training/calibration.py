"""PosteriorCalibration after training: the temperature and the estimator that validation worlds prefer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from raylocus.execution.side_by_side import side_by_side
from raylocus.execution.threads import one_thread
from raylocus.models.checkpoint import PosteriorCalibration
from raylocus.models.density import ESTIMATORS, estimate, fine_density
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.prediction import Prediction

#: Temperatures that are tried.
TEMPERATURES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.9, 2.2)
#: Mass that a density is never thought to have less of: what no model knows of [1 per ground cell].
SMALLEST_MASS = 1e-9


@torch.no_grad()
def calibrate(
    network: LocationNetwork, batches: Iterable[tuple[PlaceMaps, SequenceTensors]]
) -> PosteriorCalibration:
    """The temperature of least negative log-likelihood, and the estimator of least mean error at it.

    One number is fitted to some hundreds of sequences, so it can be trusted more than each of them.
    """
    network.eval()

    @torch.no_grad()
    def answer(batch: tuple[PlaceMaps, SequenceTensors]) -> tuple[Prediction, PlaceMaps, Tensor]:
        maps, sequences = batch
        return network(sequences, network.encode_place(maps)).prediction, maps, sequences.target

    with one_thread() as threads:
        answered = list(side_by_side(answer, batches, threads))
    if not answered:
        return PosteriorCalibration()
    temperature = min(TEMPERATURES, key=lambda value: _surprise(answered, value))
    densities = [
        (fine_density(prediction, maps, temperature), maps, target) for prediction, maps, target in answered
    ]
    return PosteriorCalibration(temperature, best_estimator(densities))


def best_estimator(densities: Sequence[tuple[Float[Tensor, "_ _ _"], PlaceMaps, Tensor]]) -> str:
    """The one of `ESTIMATORS` with the least mean error [m], over the batches of densities with their targets.

    The mean and not the median: a median is blind to what an estimator does in the worse half of the cases,
    where a mode may be a whole block off and still win by centimetres in the better half.
    """

    def mean_error(name: str) -> float:
        errors = [
            (estimate(density, maps, name) - target).norm(dim=-1) for density, maps, target in densities
        ]
        return float(torch.cat(errors).mean())

    return min(ESTIMATORS, key=mean_error)


def mass_at(
    density: Float[Tensor, "batch y x"], target: Float[Tensor, "batch 2"], size: float
) -> Float[Tensor, " batch"]:
    """Probability of the native ground cell that holds each target."""
    side = density.shape[-1]
    column, row = ((target + size / 2) / (size / side)).long().clamp(0, side - 1).unbind(-1)
    return density[torch.arange(len(target), device=target.device), row, column]


def _surprise(answered: list[tuple[Prediction, PlaceMaps, Tensor]], temperature: float) -> float:
    logs = [
        torch.log(
            mass_at(fine_density(prediction, maps, temperature), target, maps.size).clamp(min=SMALLEST_MASS)
        )
        for prediction, maps, target in answered
    ]
    mean = -float(torch.cat(logs).mean())
    return mean if math.isfinite(mean) else math.inf
