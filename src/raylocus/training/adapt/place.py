"""Fine-tunes a locator for traced maps to one place: scales and exponents of its evidence, and its biases.

Weights are held near where they start, so that little is forgotten. The map encoder stays: the place is encoded once.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, location_loss
from raylocus.models.map_encoder import EncodedPlace
from raylocus.training.adapt.fine_tune import RATE, Rated, fine_tuned

#: Learning rate of what the evidence stream weighs likelihoods by: few numbers that mean much.
EVIDENCE_RATE = 0.05
#: A weight that is 1 away costs so many nats in all.
PULL_IN_ALL = 10.0
#: Tags a step, and tags that go through the network together where none is trained on.
BATCH = 16
#: What the truth's density is never thought to be below [ln 1/m²].
LEAST = -25.0


def evidence_and_biases(network: nn.Module) -> Rated:
    """Scales, exponents and biases of the evidence, and all other vectors but the map encoder's."""
    rated: Rated = []
    for name, weight in network.named_parameters():
        if name.startswith("evidence.") and (".log_" in name or weight.ndim == 1):
            rated.append((weight, EVIDENCE_RATE))
        elif weight.ndim == 1 and not name.startswith("map_encoder."):
            rated.append((weight, RATE))
    return rated


@dataclass(frozen=True)
class PlaceTags:
    """Sequences of known position in an encoded place."""

    sequences: SequenceTensors
    place: EncodedPlace
    seed: int

    def __len__(self) -> int:
        return len(self.sequences)

    def select(self, some: Int[np.ndarray, " _"]) -> PlaceTags:
        """Some of the tags."""
        kept = torch.from_numpy(some)
        return PlaceTags(self.sequences.map_tensors(lambda values: values[kept]), self.place, self.seed)

    @torch.inference_mode()
    def costs(self, network: LocationNetwork) -> Float[np.ndarray, " tag"]:
        """−ln density at each truth [nats]."""
        found = [np.zeros(0)]
        for start in range(0, len(self), BATCH):
            some = self.select(np.arange(start, min(start + BATCH, len(self)))).sequences
            density = network(some, self.place).prediction.log_density(some.target[:, None])[:, 0]
            found.append(-density.clamp(min=LEAST).double().numpy())
        return np.concatenate(found)

    def loss(self, network: LocationNetwork, step: int) -> Float[torch.Tensor, ""]:
        """Mean training loss of some tags, drawn by the step."""
        drawn = np.random.default_rng((self.seed, step)).permutation(len(self))[:BATCH]
        some = self.select(drawn).sequences
        return location_loss(network(some, self.place).prediction, some, self.place.maps, LossConfiguration())


def tuned_to_place(
    network: LocationNetwork, tags: PlaceTags, ends: tuple[int, ...]
) -> tuple[LocationNetwork, ...]:
    """The network after each of some numbers of steps on the tags, ascending; the given one stays as it is."""
    pull = PULL_IN_ALL / max(len(tags), 1)
    tuned = fine_tuned(network, tags.loss, ends, evidence_and_biases, pull)
    return tuple(copy.deepcopy(each).requires_grad_(False) for each in tuned)
