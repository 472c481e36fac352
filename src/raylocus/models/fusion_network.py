"""The fusion network: evidence, R and G brought together over the ground, guided by what the sequence says."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.map_backbones import enlarged


class PointBlock(nn.Module):
    """Streams of maps brought together cell by cell; the query scales and shifts them (Perez et al. 2018)."""

    def __init__(self, inputs: int, width: int, query: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, width, 1)
        self.norm = nn.GroupNorm(4, width)
        self.film = nn.Linear(query, 2 * width)

    def forward(
        self, streams: Sequence[Float[Tensor, "..."]], query: Float[Tensor, "batch query"]
    ) -> Float[Tensor, "batch width y x"]:
        """The block's maps.

        Args:
            streams: maps [batch or 1, channel, y, x] whose channels together are the inputs, the last one as fine as
                the block.
            query: of each sequence.
        """
        return self._modulated(self._entered(streams, len(query)), query)

    def _modulated(
        self, maps: Float[Tensor, "batch width y x"], query: Float[Tensor, "batch query"]
    ) -> Float[Tensor, "batch width y x"]:
        scale, shift = self.film(query)[..., None, None].chunk(2, 1)
        return torch.addcmul(shift, self.norm(maps), 1 + scale).relu_()

    def _entered(
        self, streams: Sequence[Float[Tensor, "..."]], batch: int
    ) -> Float[Tensor, "batch width y x"]:
        # Of a sum over channels each stream's part is taken by itself: what all sequences share is worked out once,
        # and coarse maps are enlarged where they have fewer channels. Ground cells come before channels: the layout
        # that convolutions on the CPU are several times faster in.
        weights = self.enter.weight.flatten(1).split([each.shape[1] for each in streams], 1)
        y, x = max(each.shape[-2:] for each in streams)
        assert self.enter.bias is not None
        entered = self.enter.bias
        whole = []
        for stream, weight in zip(streams, weights, strict=True):
            cells = stream.flatten(2).transpose(1, 2)
            if stream.shape[-2:] != (y, x):
                coarse = (cells @ weight.T).transpose(1, 2).unflatten(2, stream.shape[-2:])
                entered = entered + enlarged(coarse, y, x).flatten(2).transpose(1, 2)
            elif len(stream) < batch:
                entered = entered + cells @ weight.T
            else:
                whole.append((cells, weight.T.expand(batch, -1, -1)))
        entered = entered.expand(batch, y * x, -1)
        for cells, turned in whole:
            entered = torch.baddbmm(entered, cells, turned)
        return entered.transpose(1, 2).unflatten(2, (y, x))


class FilmBlock(PointBlock):
    """Two convolutions with a residual path; the query scales and shifts between them."""

    def __init__(self, inputs: int, width: int, query: int) -> None:
        super().__init__(inputs, width, query)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(
        self, streams: Sequence[Float[Tensor, "..."]], query: Float[Tensor, "batch query"]
    ) -> Float[Tensor, "batch width y x"]:
        """The block's maps, of streams as `PointBlock` takes them."""
        entered = self._entered(streams, len(query))
        return (entered + self.second(self._modulated(self.first(entered), query))).relu_()


class PatchAttention(nn.Module):
    """The sequence's query looks at the patches of both maps and comes back wiser."""

    def __init__(self, query: int, width: int, heads: int) -> None:
        super().__init__()
        self.keys = nn.Linear(width, query)
        self.norm = nn.LayerNorm(query)
        self.attention = nn.MultiheadAttention(query, heads, batch_first=True)

    def forward(
        self, query: Float[Tensor, "batch query"], maps: Float[Tensor, "batch width y x"]
    ) -> Float[Tensor, "batch query"]:
        """The updated query."""
        patches = self.keys(maps.flatten(2).transpose(1, 2))
        attended, _ = self.attention(self.norm(query)[:, None], patches, patches, need_weights=False)
        return query + attended[:, 0]


class FusionNetwork(nn.Module):
    """A U-Net whose convolutions are at 16 and 32 m, with cross-attention at the coarsest.

    At 8 m, where a convolution costs four times as much, streams meet cell by cell only: the encoded maps have seen
    their neighbourhood already.
    """

    def __init__(self, inputs: int, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        width, query = configuration.fusion_width, configuration.token_width
        middle, coarse = 3 * width // 2, 2 * width
        self.fine = PointBlock(inputs, width, query)
        self.middle = FilmBlock(width, middle, query)
        self.coarse = FilmBlock(middle, coarse, query)
        self.patches = PatchAttention(query, coarse, configuration.attention_heads)
        self.middle_up = FilmBlock(coarse + middle, middle, query)
        self.fine_up = PointBlock(middle + width, width, query)
        self.to(memory_format=torch.channels_last)  # pyrefly: ignore[no-matching-overload]

    def forward(
        self, streams: Sequence[Float[Tensor, "..."]], query: Float[Tensor, "batch query"]
    ) -> Float[Tensor, "batch width y x"]:
        """Features of every coarse ground cell, of maps as `PointBlock` takes them."""
        fine = self.fine(streams, query)
        middle = self.middle([functional.avg_pool2d(fine, 2, ceil_mode=True)], query)
        coarse = self.coarse([functional.avg_pool2d(middle, 2, ceil_mode=True)], query)
        query = self.patches(query, coarse)
        middle = self.middle_up([coarse, middle], query)
        fine_up: Tensor = self.fine_up([middle, fine], query)
        return fine_up
