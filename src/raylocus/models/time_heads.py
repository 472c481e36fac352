"""Pooling over time: a few heads, each a learned weighting of the reports, newest first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.inputs.tensors import OBSERVED, SequenceTensors
from raylocus.models.radio_encoder import RadioEncoding


@dataclass(frozen=True)
class PooledObservations:
    """What was observed of each cell, as every time head weighs it; a presence is a share in [0, 1]."""

    level: Float[Tensor, "batch head cell"]
    """Mean RSRP [dBm]."""
    heard: Float[Tensor, "batch head cell"]
    """Share of the reports with a level of the cell."""
    reported: Float[Tensor, "batch head cell"]
    """Share of the reports that say anything of the cell: the others found it silent."""
    weakest: Float[Tensor, "batch head"]
    """Mean RSRP of the weakest cell of a report [dBm]."""
    timing: Float[Tensor, "batch head cell"]
    """Mean timing advance as one-way distance [m]."""
    timed: Float[Tensor, "batch head cell"]
    """Share of the reports with a timing advance of the cell."""
    beam: Float[Tensor, "batch head cell beam"]
    """Mean L1-RSRP under the strongest beam of its report [dB]."""
    beam_known: Float[Tensor, "batch head cell beam"]
    """Share of the reports with that beam."""
    weakest_beam: Float[Tensor, "batch head cell"]
    """Mean of the weakest reported beam under the strongest [dB]."""
    beams_known: Float[Tensor, "batch head cell"]
    """Share of the reports with any beam of the cell."""
    quality: Float[Tensor, "batch head cell"]
    """Mean SS-SINR [dB]."""
    quality_known: Float[Tensor, "batch head cell"]
    """Share of the reports with an SINR of the cell."""
    token: Float[Tensor, "batch head cell width"]
    """Mean token."""

    @property
    def longest(self) -> PooledObservations:
        """As the last head alone weighs it, which looks back farthest."""
        return self._map_tensors(lambda name, values: values[:, -1:])

    def renamed(self, orders: Int[Tensor, "order cell"]) -> PooledObservations:
        """Each of the batch once in each order of the cells, one after the other."""
        every = orders.flatten()

        def moved(name: str, values: Tensor) -> Tensor:
            if name == "weakest":
                return values.repeat_interleave(len(orders), 0)
            moved = values.index_select(2, every).unflatten(2, orders.shape)
            return moved.transpose(1, 2).flatten(0, 1)

        return self._map_tensors(moved)

    def _map_tensors(self, function: Callable[[str, Tensor], Tensor]) -> PooledObservations:
        mapped: dict[str, Any] = {
            field.name: function(field.name, getattr(self, field.name)) for field in dataclasses.fields(self)
        }
        return PooledObservations(**mapped)


class TimeHeads(nn.Module):
    """Attention weights of each head over the reports of a sequence: −age / age scale + what the encoder adds."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.log_age = nn.Parameter(torch.log(torch.tensor(configuration.head_ages)))
        self.content = nn.Linear(configuration.token_width, len(configuration.head_ages))
        nn.init.zeros_(self.content.weight)
        nn.init.zeros_(self.content.bias)

    def forward(
        self, sequences: SequenceTensors, encoding: RadioEncoding
    ) -> Float[Tensor, "batch head time"]:
        """Weights that sum to 1 over the reports that exist."""
        age = torch.nan_to_num(sequences.age)[:, None]
        score = self.content(encoding.reports).transpose(1, 2) - age * torch.exp(-self.log_age)[:, None]
        return score.masked_fill(~encoding.present[:, None], -torch.inf).softmax(-1)


def pool_observations(
    sequences: SequenceTensors, encoding: RadioEncoding, weights: Float[Tensor, "batch head time"]
) -> PooledObservations:
    """Means over time under the weights of each head, of what is there."""
    levels, timing, quality = (
        sequences.observed[..., OBSERVED.index(name)] for name in ("rsrp", "timing_advance", "sinr")
    )
    weakest = torch.nan_to_num(levels, nan=torch.inf).amin(-1, keepdim=True)
    strongest_beam = torch.nan_to_num(sequences.beams, nan=-torch.inf).amax(-1, keepdim=True)
    relative = sequences.beams - strongest_beam
    lowest = torch.nan_to_num(relative, nan=torch.inf).amin(-1)
    weakest, lowest = (torch.where(each.isinf(), torch.nan, each) for each in (weakest, lowest))
    columns = [levels, timing, quality, weakest, lowest, relative.flatten(2)]
    sizes = [each.shape[2] for each in columns]
    means, shares = (each.split(sizes, 2) for each in pooled(torch.cat(columns, 2), weights))
    beams = relative.shape[2:]
    return PooledObservations(
        level=means[0],
        heard=shares[0],
        reported=weights @ encoding.heard.to(weights),
        weakest=means[3][..., 0],
        timing=means[1],
        timed=shares[1],
        beam=means[5].unflatten(2, beams),
        beam_known=shares[5].unflatten(2, beams),
        weakest_beam=means[4],
        beams_known=shares[4],
        quality=means[2],
        quality_known=shares[2],
        token=torch.einsum("bht,btcw->bhcw", weights, encoding.tokens),
    )


def pooled(
    values: Float[Tensor, "batch time column"], weights: Float[Tensor, "batch head time"]
) -> tuple[Float[Tensor, "batch head column"], Float[Tensor, "batch head column"]]:
    """Means under each head's weights of what is there, and the share that is there."""
    share = weights @ (~values.isnan()).to(weights)
    return weights @ torch.nan_to_num(values) / share.clamp(min=1e-6), share
