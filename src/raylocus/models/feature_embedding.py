"""Embeddings of report features by their rows of the feature table: value, presence and censoring of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.network.reports.features import ReportFeature
from raylocus.units import timing_advance_distance

#: Numbers that a feature gives to the embedding: two of its value, its presence, its censoring.
INPUTS = 4
#: Numerology whose step of timing advance stands for a usual one before statistics say better.
USUAL_NUMEROLOGY = 1


def usual_range(feature: ReportFeature) -> tuple[float, float]:
    """Middle and an eighth of a feature's range, in the unit of `SequenceTensors`: until statistics replace them."""
    unit = timing_advance_distance(USUAL_NUMEROLOGY) if feature.unit == "T_A" else 1.0
    return (feature.low + feature.high) / 2 * unit, (feature.high - feature.low) / 8 * unit


class FeatureEmbedding(nn.Module):
    """Sum over the features that are there of what each says; what is missing adds nothing.

    A value is standardised and compressed, and one that is an angle or a phase enters by its sine and cosine. The
    weights belong to names, so columns may come in any order, and features without weights are passed over.
    """

    mean: Tensor
    scale: Tensor
    read: Tensor
    turn: Tensor

    def __init__(self, features: Sequence[ReportFeature], width: int) -> None:
        super().__init__()
        self.rows = {feature.name: index for index, feature in enumerate(features)}
        usual = torch.tensor([usual_range(feature) for feature in features]).reshape(-1, 2)
        turns = [
            2 * math.pi / (feature.high - feature.low) if feature.circular else 0.0 for feature in features
        ]
        self.register_buffer("mean", usual[:, 0].clone())
        self.register_buffer("scale", usual[:, 1].clone())
        self.register_buffer("read", torch.ones(len(features)))
        self.register_buffer("turn", torch.tensor(turns))
        self.weight = nn.Parameter(0.2 * torch.randn(len(features), INPUTS, width))

    def forward(
        self,
        values: Float[Tensor, "*tokens feature"],
        censored: Float[Tensor, "*tokens feature"],
        names: tuple[str, ...],
    ) -> Float[Tensor, "*tokens width"]:
        """The embedding of each token.

        Args:
            values: NaN where missing.
            censored: −1, 0 or +1 of each.
            names: of the columns.
        """
        columns = [index for index, name in enumerate(names) if name in self.rows]
        rows = torch.tensor([self.rows[names[index]] for index in columns], device=values.device)
        if len(columns) < len(names):
            values, censored = values[..., columns], censored[..., columns]
        there = (~values.isnan()).to(self.weight) * self.read[rows]
        standard = torch.asinh(torch.nan_to_num((values - self.mean[rows]) / self.scale[rows]))
        turn = self.turn[rows]
        angle, circular = torch.nan_to_num(values) * turn, turn > 0
        first = torch.where(circular, torch.cos(angle), standard)
        second = torch.where(circular, torch.sin(angle), standard.abs())
        inputs = (
            torch.stack([first, second, torch.ones_like(first), censored.to(first)], -1) * there[..., None]
        )
        return inputs.flatten(-2) @ self.weight[rows].flatten(0, 1)

    def set_statistics(self, statistics: dict[str, tuple[float, float]]) -> None:
        """Takes mean and standard deviation of the features that training has; others are not read any more."""
        self.read.zero_()
        for name, (mean, deviation) in statistics.items():
            if name in self.rows:
                row = self.rows[name]
                self.mean[row], self.scale[row], self.read[row] = mean, max(deviation, 1e-12), 1.0
