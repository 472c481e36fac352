"""Radio encoder: a set transformer over cells inside each report and over reports in continuous time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from raylocus.models.configuration import NetworkConfiguration
from raylocus.models.inputs.tensors import SequenceTensors

#: Typical value and spread of the columns of `models.inputs.tensors.OBSERVED`, until statistics replace them.
FEATURE_MEAN = (-95.0, -14.0, 2.0, 150.0)
FEATURE_SCALE = (15.0, 5.0, 8.0, 100.0)
#: Columns of `models.inputs.maps.cell_poses`.
POSE_WIDTH = 9
#: Features that have a value and a mask, plus serving, censored and beam summaries.
TOKEN_FEATURES = 2 * len(FEATURE_MEAN) + 4


@dataclass(frozen=True)
class RadioEncoding:
    """What the radio encoder says of a batch of sequences."""

    tokens: Float[Tensor, "batch time cell width"]
    """One token a cell and report; zero where the cell was not reported."""
    reports: Float[Tensor, "batch time width"]
    """One token a report."""
    summary: Float[Tensor, "batch width"]
    """One query a sequence."""
    present: Bool[Tensor, "batch time"]
    """Which reports exist."""
    heard: Bool[Tensor, "batch time cell"]
    """Which cells were reported."""


class SetBlock(nn.Module):
    """Pre-norm self-attention over a masked set, then a feed-forward layer (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, tokens: Float[Tensor, "set element width"], present: Bool[Tensor, "set element"]
    ) -> Float[Tensor, "set element width"]:
        """Tokens updated by those present; the result at absent ones means nothing."""
        normed = self.norm(tokens)
        # A set with nothing in it would give NaN: it attends to itself and is masked by the caller.
        hidden = ~present & present.any(1, keepdim=True)
        attended, _ = self.attention(normed, normed, normed, key_padding_mask=hidden, need_weights=False)
        tokens = tokens + attended
        return tokens + self.feed_forward(tokens)


class RadioEncoder(nn.Module):
    """Tokens, report tokens and one summary of each sequence; no order of cells or beams matters."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        width, heads = configuration.token_width, configuration.attention_heads
        self.register_buffer("feature_mean", torch.tensor(FEATURE_MEAN))
        self.register_buffer("feature_scale", torch.tensor(FEATURE_SCALE))
        self.embed = nn.Sequential(
            nn.Linear(TOKEN_FEATURES + POSE_WIDTH, width), nn.GELU(), nn.Linear(width, width)
        )
        self.across_cells = SetBlock(width, heads)
        self.age = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width))
        self.across_reports = nn.ModuleList(SetBlock(width, heads) for _ in range(2))
        self.output = nn.LayerNorm(width)

    def forward(self, sequences: SequenceTensors, poses: Float[Tensor, "cell pose"]) -> RadioEncoding:
        """Encodes a batch of sequences of the place whose cells have these poses."""
        heard = ~sequences.observed[..., 0].isnan()
        present = ~sequences.age.isnan()
        features = torch.cat([self._token_features(sequences), poses.expand(*heard.shape, -1)], -1)
        batch, time, cells = heard.shape
        embedded = self.embed(features).reshape(batch * time, cells, -1)
        tokens = self.across_cells(embedded, heard.reshape(batch * time, cells)).reshape(
            batch, time, cells, -1
        )
        tokens = tokens * heard[..., None]
        pooled = tokens.sum(2) / heard.sum(2, keepdim=True).clamp(min=1)
        age = torch.nan_to_num(sequences.age)[..., None]
        reports = pooled + self.age(torch.cat([torch.log1p(age), age / 10, torch.exp(-age)], -1))
        for block in self.across_reports:
            reports = block(reports, present)
        reports = self.output(reports) * present[..., None]
        return RadioEncoding(tokens, reports, reports[:, -1], present, heard)

    def _token_features(self, sequences: SequenceTensors) -> Float[Tensor, "batch time cell feature"]:
        observed = sequences.observed
        values = torch.nan_to_num((observed - self.feature_mean) / self.feature_scale).clamp(-5, 5)
        known = ~sequences.beams.isnan()
        lowest = torch.where(known, sequences.beams, torch.inf).amin(-1)
        highest = torch.where(known, sequences.beams, -torch.inf).amax(-1)
        spread = torch.where(known.any(-1), highest - lowest, 0) / 10
        others = [sequences.serving.float(), sequences.censored, known.sum(-1) / 4, spread]
        return torch.cat([values, (~observed.isnan()).float(), torch.stack(others, -1)], -1)
