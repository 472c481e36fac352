"""A recurrence over the reports of a sequence, from the oldest to the newest."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Recurrence(nn.Module):
    """Pre-norm gated recurrent unit (Cho et al. 2014) with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.unit = nn.GRU(width, width, batch_first=True)

    def forward(
        self, reports: Float[Tensor, "batch time width"], present: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time width"]:
        """Reports updated by those before them; the result at absent ones means nothing."""
        # Absent reports go to the end, where no state that counts has passed through them.
        order = torch.argsort(~present, dim=1, stable=True)[..., None].expand_as(reports)
        states, _ = self.unit(self.norm(reports).gather(1, order))
        return reports + torch.zeros_like(reports).scatter(1, order, states)
