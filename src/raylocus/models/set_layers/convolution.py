"""A convolution over the reports of a sequence, in the order in which they were made."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

#: Reports that one layer sees: the one before, the report itself, the one after.
KERNEL = 3


class TimeConvolution(nn.Module):
    """Pre-norm convolution over neighbouring reports, then a layer of its own for each, with a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, 2 * width, KERNEL, padding=KERNEL // 2)
        self.output = nn.Sequential(nn.GELU(), nn.Linear(2 * width, width))

    def forward(
        self, reports: Float[Tensor, "batch time width"], present: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time width"]:
        """Reports updated by their neighbours in time; the result at absent ones means nothing."""
        normed = self.norm(reports) * present[..., None]
        return reports + self.output(self.convolution(normed.transpose(1, 2)).transpose(1, 2))
