"""`AreaNetwork`: rows of tokens to densities over the ground."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from raylocus.models.area.encoder import Encoder, pair_features
from raylocus.models.area.field import COEFFICIENTS, EXPERTS, Field
from raylocus.models.area.tokens import TOKEN_FEATURES, AreaTokens

#: Numbers of a report and its network.
CONTEXT = 46
#: What the coefficients are before training: broad laws that hold the UE near its anchors.
INITIAL = (-0.5, 0.0, -1.0, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class AreaShape:
    """Size of the network."""

    width: int = 64
    """Numbers a token is carried by."""
    layers: int = 3
    """Rounds of attention."""
    heads: int = 4
    """Kinds of attention."""


@dataclass(frozen=True)
class AreaBatch:
    """Rows of tokens as tensors."""

    features: Float[Tensor, "report token feature"]
    position: Float[Tensor, "report token 2"]
    direction: Float[Tensor, "report token 2"]
    range: Float[Tensor, "report token"]
    range_error: Float[Tensor, "report token"]
    present: Bool[Tensor, "report token"]
    report: Float[Tensor, "report context"]

    @classmethod
    def of(cls, tokens: AreaTokens) -> AreaBatch:
        """The tensors of rows."""
        return cls(
            **{
                name: torch.from_numpy(np.ascontiguousarray(getattr(tokens, name)))
                for name in cls.__dataclass_fields__
            }
        )

    def filled(self) -> AreaBatch:
        """The same without the places of tokens that no report has."""
        some = self.present.any(0).nonzero()[:, 0]
        columns = {
            name: getattr(self, name).index_select(1, some)
            for name in self.__dataclass_fields__
            if name != "report"
        }
        return replace(self, **columns)


class AreaNetwork(nn.Module):
    """Encodes tokens and answers with fields."""

    def __init__(self, shape: AreaShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(TOKEN_FEATURES, CONTEXT, shape.width, shape.layers, shape.heads)
        self.head = nn.Linear(shape.width, EXPERTS * COEFFICIENTS)
        self.mixed = nn.Linear(shape.width, EXPERTS)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.copy_(torch.tensor(INITIAL).repeat(EXPERTS) + self.head.bias)

    def forward(self, batch: AreaBatch) -> Field:
        """The field of each report."""
        pairs = pair_features(batch.position, batch.direction)
        encoded = self.encoder(batch.features, batch.report, pairs, batch.present)
        coefficients = self.head(encoded).unflatten(-1, (EXPERTS, COEFFICIENTS)).clamp(-6, 6)
        there = batch.present[..., None]
        pooled = (encoded * there).sum(1) / there.sum(1)
        return Field(
            batch.position, batch.direction, batch.range, batch.range_error, batch.present, coefficients,
            self.mixed(pooled).log_softmax(-1),
        )  # fmt: skip
