"""The moving average of the weights: what is validated, calibrated and kept."""

from __future__ import annotations

import copy

import torch

from raylocus.models.location_network import LocationNetwork


class WeightAverage:
    """Exponential moving average of a network's parameters, with a short memory at first."""

    def __init__(self, network: LocationNetwork, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.network.requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, network: LocationNetwork) -> None:
        """Moves the average towards the weights of now."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(weight, 1 - decay)
        for kept, value in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(value)
