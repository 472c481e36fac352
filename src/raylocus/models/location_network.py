"""The network: p(x | M, R, G) from a batch of sequences and the encoded place they were made in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.configuration import Head, LocationNetworkConfiguration
from raylocus.models.evidence.positioning import TIMES
from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.evidence.stream import FUSED, LIKELIHOODS, Evidence, EvidenceStream
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.map_backbones import enlarged
from raylocus.models.map_encoder import MAP_ENCODERS, EncodedPlace
from raylocus.models.misfit import gains_over_swapped_cells, misfit_statistics
from raylocus.models.point_heads import GaussianHead, RegressionHead
from raylocus.models.prediction import LocationHeads, Prediction
from raylocus.models.radio_encoder import RadioEncoder
from raylocus.models.time_heads import PooledObservations, TimeHeads, pool_observations


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
        entered, whole = self.enter.bias, []
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
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

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


#: Heads, from features and evidence to a prediction, by what the answer is.
HEADS: dict[Head, type[nn.Module]] = {
    "mixture": LocationHeads,
    "gaussian": GaussianHead,
    "regression": RegressionHead,
}
#: Log-likelihoods this far under the largest add nothing for the fusion network [nats].
EVIDENCE_DEPTH = 15.0


@dataclass(frozen=True)
class NetworkOutput:
    """The prediction, and what it was made from."""

    prediction: Prediction
    evidence: Evidence
    pooled: PooledObservations


class LocationNetwork(nn.Module):
    """Radio encoder, evidence stream, map encoder, fusion and heads.

    A cell's observations and its maps are linked by their place on the cell axis, which no weight
    depends on: cells may come in any order and number.
    """

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        heads, width = len(configuration.head_ages), configuration.token_width
        self.radio_encoder = RadioEncoder(configuration)
        self.time_heads = TimeHeads(configuration)
        self.evidence = EvidenceStream(configuration)
        self.map_encoder = MAP_ENCODERS[configuration.map_fusion](configuration)
        self.attend_cells = nn.Linear(width, 1)
        channels = len(FUSED) * heads + 3 + 2 * configuration.map_width
        self.fusion = FusionNetwork(channels, configuration)
        self.heads = HEADS[configuration.head](configuration)

    def encode_place(self, maps: PlaceMaps, rasters: EvidenceRasters | None = None) -> EncodedPlace:
        """Everything that depends on the place alone."""
        return self.map_encoder(maps, rasters)

    def forward(
        self, sequences: SequenceTensors, place: EncodedPlace, hiding: torch.Generator | None = None
    ) -> NetworkOutput:
        """Predictions for a batch of sequences of one place; times of arrival are left to `models.evidence.ranging`.

        Args:
            sequences: the batch.
            place: what `encode_place` makes of their place.
            hiding: draws the channels of the evidence that training hides; None hides none.
        """
        sequences = sequences.without(TIMES)
        encoding = self.radio_encoder(sequences, place.maps.poses)
        weights = self.time_heads(sequences, encoding)
        pooled = pool_observations(sequences, encoding, weights)
        evidence = self.evidence(pooled, sequences, weights, encoding.summary, place.maps, place.rasters)
        features = self.fusion(self._channels(evidence, pooled, place, hiding), evidence.summary)
        prediction = self.heads(features, evidence, place.maps)
        return NetworkOutput(prediction, evidence, pooled)

    @torch.no_grad()
    def misfit(self, output: NetworkOutput, place: EncodedPlace) -> Float[Tensor, "batch statistic"]:
        """How well maps and measurements fit at the answer, see `models.misfit`."""
        (maps, rasters), orders = place.thinned, place.swapped_names
        renamed = output.pooled.longest.renamed(orders)
        evidence = output.evidence
        summary = evidence.summary.repeat(len(orders), 1)
        log_scale = evidence.log_scale[:, -1:].repeat(len(orders), 1)
        likelihoods = self.evidence.fused(renamed, summary, log_scale, maps, rasters)
        sharp = self.evidence.sharp(renamed, maps, rasters).log_likelihood
        by_order = torch.cat([*likelihoods, sharp], 1).unflatten(0, (len(orders), -1))
        kinds = [LIKELIHOODS.index(name) for name in (*FUSED, "sharp")]
        exponents = self.evidence.exponents(evidence.summary)[:, kinds]
        gains = gains_over_swapped_cells(by_order, exponents, maps.outdoor)
        heard = output.pooled.heard[:, 0].sum(1)
        return misfit_statistics(evidence.highest, heard, evidence.log_scale, gains)

    def _channels(
        self,
        evidence: Evidence,
        pooled: PooledObservations,
        place: EncodedPlace,
        hiding: torch.Generator | None,
    ) -> list[Float[Tensor, "..."]]:
        """What the fusion network sees: all evidence, the posterior, R as the sequence weighs its cells, and G."""
        both = torch.stack([evidence.sharp, evidence.total], 1)
        both = both - both.amax((-2, -1), keepdim=True).detach()
        share = self._cell_shares(pooled)
        return [
            hidden_channels(_shallow(evidence.channels), self.configuration.dropout, hiding),
            torch.cat([_shallow(both), torch.exp(both[:, 1:])], 1),
            (share @ place.radio.flatten(1)).unflatten(1, place.radio.shape[1:]),
            place.ground[None],
        ]

    def _cell_shares(self, pooled: PooledObservations) -> Float[Tensor, "batch cell"]:
        heard = pooled.heard.mean(1)
        score = self.attend_cells(pooled.token.mean(1))[..., 0] + torch.log(heard + 1e-6)
        return score.softmax(-1)


def hidden_channels(
    channels: Float[Tensor, "batch channel y x"], probability: float, generator: torch.Generator | None
) -> Float[Tensor, "batch channel y x"]:
    """Channels of which some are 0 and the others larger, so that their mean stays (spatial dropout, Tompson 2015).

    PyTorch's own draws from one generator of the process, which threads would take in an order of their own.
    """
    if generator is None:
        return channels
    kept = torch.rand(channels.shape[:2], generator=generator) >= probability
    return channels * (kept.to(channels) / (1 - probability))[..., None, None]


def _shallow(log_likelihood: Float[Tensor, "*maps y x"]) -> Float[Tensor, "*maps y x"]:
    """From 1 at the most likely ground to 0 at `EVIDENCE_DEPTH` below."""
    return (log_likelihood / EVIDENCE_DEPTH + 1).clamp(min=0)
