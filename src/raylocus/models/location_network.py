"""The network: p(x | M, R, G) from a batch of sequences and the encoded place they were made in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import Head, LocationNetworkConfiguration
from raylocus.models.evidence.positioning import TIMES
from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.evidence.stream import FUSED, LIKELIHOODS, Evidence, EvidenceStream
from raylocus.models.fusion_network import FusionNetwork
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.map_encoder import MAP_ENCODERS, EncodedPlace
from raylocus.models.misfit import gains_over_swapped_cells, misfit_statistics
from raylocus.models.point_heads import GaussianHead, RegressionHead
from raylocus.models.prediction import LocationHeads, Prediction
from raylocus.models.radio_encoder import RadioEncoder
from raylocus.models.time_heads import PooledObservations, TimeHeads, pool_observations

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

    def maps_of(self, place: MappedPlace) -> PlaceMaps:
        """The maps of a place that the network sees. Raises InputError and PlaceError as `inputs.maps.place_maps`."""
        return self.map_encoder.inputs.maps_of(place)

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
        summary = evidence.summary.repeat_interleave(len(orders), 0)
        log_scale = evidence.log_scale[:, -1:].repeat_interleave(len(orders), 0)
        likelihoods = self.evidence.fused(renamed, summary, log_scale, maps, rasters)
        sharp = self.evidence.sharp(renamed, maps, rasters).log_likelihood
        by_order = torch.cat([*likelihoods, sharp], 1).unflatten(0, (-1, len(orders)))
        kinds = [LIKELIHOODS.index(name) for name in (*FUSED, "sharp")]
        exponents = self.evidence.exponents(evidence.summary)[:, kinds]
        gains = gains_over_swapped_cells(by_order, exponents, maps.log_outdoor)
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
    return torch.add(log_likelihood.new_ones(()), log_likelihood, alpha=1 / EVIDENCE_DEPTH).relu_()
