"""The network: p(x | M, R, G) from a batch of sequences and the encoded place they were made in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.configuration import NetworkConfiguration
from raylocus.models.evidence.rasters import EvidenceRasters
from raylocus.models.evidence.stream import LIKELIHOODS, Evidence, EvidenceStream
from raylocus.models.fusion import FusionNetwork
from raylocus.models.heads import LocationHeads
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.map_encoder import EncodedPlace, MapEncoder
from raylocus.models.prediction import Prediction
from raylocus.models.radio_encoder import RadioEncoder
from raylocus.models.time_heads import PooledObservations, TimeHeads, pool_observations

#: Log-likelihoods this far under the largest tell the fusion network nothing more [nats].
EVIDENCE_DEPTH = 15.0


@dataclass(frozen=True)
class NetworkOutput:
    """The prediction, and the evidence it was made from."""

    prediction: Prediction
    evidence: Evidence


class LocationNetwork(nn.Module):
    """Radio encoder, evidence stream, map encoder, fusion and heads.

    A cell's observations and its maps are linked by their place on the cell axis, which no weight
    depends on: cells may come in any order and number.
    """

    def __init__(self, configuration: NetworkConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        heads, width = len(configuration.head_ages), configuration.token_width
        self.radio_encoder = RadioEncoder(configuration)
        self.time_heads = TimeHeads(configuration)
        self.evidence = EvidenceStream(configuration)
        self.map_encoder = MapEncoder(configuration)
        self.attend_cells = nn.Linear(width, 1)
        channels = len(LIKELIHOODS) * heads + 2 + 2 * configuration.map_width
        self.hide = nn.Dropout2d(configuration.dropout)
        self.fusion = FusionNetwork(channels, configuration)
        self.heads = LocationHeads(configuration)

    def encode_place(self, maps: PlaceMaps, rasters: EvidenceRasters | None = None) -> EncodedPlace:
        """Everything that depends on the place alone."""
        return self.map_encoder(maps, rasters)

    def forward(self, sequences: SequenceTensors, place: EncodedPlace) -> NetworkOutput:
        """Predictions for a batch of sequences of one place."""
        encoding = self.radio_encoder(sequences, place.maps.poses)
        pooled = pool_observations(sequences, encoding, self.time_heads(sequences, encoding))
        evidence = self.evidence(pooled, encoding.summary, place.maps, place.rasters)
        features = self.fusion(self._channels(evidence, pooled, place), encoding.summary)
        return NetworkOutput(self.heads(features, evidence.total, place.maps), evidence)

    def _channels(
        self, evidence: Evidence, pooled: PooledObservations, place: EncodedPlace
    ) -> Float[Tensor, "batch channel y x"]:
        total = evidence.total - evidence.total.amax((-2, -1), keepdim=True).detach()
        likelihoods = functional.softplus(evidence.channels + EVIDENCE_DEPTH) / EVIDENCE_DEPTH
        share = self._cell_shares(pooled)
        radio = torch.einsum("bc,cwyx->bwyx", share, place.radio)
        return torch.cat(
            [
                self.hide(likelihoods),
                (functional.softplus(total + EVIDENCE_DEPTH) / EVIDENCE_DEPTH)[:, None],
                torch.exp(total)[:, None],
                radio,
                place.ground.expand(len(share), -1, -1, -1),
            ],
            1,
        )

    def _cell_shares(self, pooled: PooledObservations) -> Float[Tensor, "batch cell"]:
        heard = pooled.heard.mean(1)
        score = self.attend_cells(pooled.token.mean(1))[..., 0] + torch.log(heard + 1e-6)
        return score.softmax(-1)
