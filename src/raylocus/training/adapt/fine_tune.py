"""Fine-tuning of few weights by tags: held near where they start (L2-SP, arXiv:1802.01483), to forget little.

In a place on traced maps they are scales and exponents of the evidence, and biases. The map encoder stays: the place is
encoded once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.losses import LossConfiguration, location_loss
from raylocus.models.map_encoder import EncodedPlace

#: Learning rate, and the pull to the start: a weight that is 1 away costs this many nats a tag.
RATE, PULL = 3e-3, 1.0
#: After how many steps it may end; the more tags, the more of them are tried.
ENDS = (0, 5, 10, 20, 40)
#: Tags an end needs for each of its steps.
TAGS_A_STEP = 2.0

Network = TypeVar("Network", bound=nn.Module)
#: Weights that are tuned, each with its learning rate.
Rated = list[tuple[nn.Parameter, float]]


def ends_for(tags: int) -> tuple[int, ...]:
    """The numbers of steps that are tried with so many tags."""
    return tuple(end for end in ENDS if end * TAGS_A_STEP <= tags)


def biases_and_gains(network: nn.Module) -> Rated:
    """All weights that are vectors."""
    return [(each, RATE) for each in network.parameters() if each.ndim == 1]


def fine_tuned(
    network: Network,
    loss: Callable[[Network, int], Float[Tensor, ""]],
    ends: tuple[int, ...],
    tuned_weights: Callable[[nn.Module], Rated] = biases_and_gains,
    pull: float = PULL,
) -> Iterator[Network]:
    """A copy of the network after each of some numbers of steps; the same object, further trained each time.

    Args:
        network: where it starts; stays as it is.
        loss: mean loss of a network over some tags, in a step.
        ends: numbers of steps, ascending.
        tuned_weights: which weights are tuned, and how fast.
        pull: to the start, as `PULL`.
    """
    tuned = copy.deepcopy(network).requires_grad_(False)
    rated = [(each.requires_grad_(True), rate) for each, rate in tuned_weights(tuned)]
    weights = [each for each, _ in rated]
    start = [each.detach().clone() for each in weights]
    optimizer = torch.optim.Adam([{"params": [each], "lr": rate} for each, rate in rated])
    step = 0
    for end in ends:
        for number in range(step, end):
            away = torch.stack(
                [(own - was).square().sum() for own, was in zip(weights, start, strict=True)]
            ).sum()
            optimizer.zero_grad()
            (loss(tuned, number) + pull * away).backward()
            optimizer.step()
        step = end
        yield tuned


def best_end(ends: tuple[int, ...], costs: Float[np.ndarray, "end tag"]) -> int:
    """The number of steps after which held-out tags are found best, 0 unless surely more.

    Args:
        ends: numbers of steps, the first of them 0.
        costs: of each held-out tag after each of them [nats].
    """
    gain = costs[0] - costs
    sure = gain.mean(1) - gain.std(1) / np.sqrt(gain.shape[1])
    return ends[int(np.argmax(np.where(sure > 0, gain.mean(1), 0.0)))]


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
