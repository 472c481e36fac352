"""Radio encoder: layers over the set of cells inside each report, and over reports in continuous time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.configuration import LocationNetworkConfiguration, RadioEncoderKind
from raylocus.models.feature_embedding import FeatureEmbedding
from raylocus.models.inputs.tensors import SequenceTensors
from raylocus.models.set_layers import DeepSetsBlock, Recurrence, SetBlock, TimeConvolution
from raylocus.network.reports.features import features_named

#: Columns of `models.inputs.cell_poses`.
POSE_WIDTH = 9
#: What a cell's token has in addition to features and pose: serving, and number and spread of its beams.
SUMMARIES = 3


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


#: Layers over reports, by what the radio encoder is. Cells have no order that a convolution or a recurrence could
#: follow: only attention has another layer over them than the perceptron.
REPORT_LAYERS: dict[RadioEncoderKind, Callable[[LocationNetworkConfiguration], nn.Module]] = {
    "transformer": lambda sizes: SetBlock(sizes.token_width, sizes.attention_heads),
    "mlp": lambda sizes: DeepSetsBlock(sizes.token_width),
    "convolutional": lambda sizes: TimeConvolution(sizes.token_width),
    "gru": lambda sizes: Recurrence(sizes.token_width),
}


class RadioEncoder(nn.Module):
    """Tokens, report tokens and one summary of each sequence; no order of cells or beams matters."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        width = configuration.token_width
        over_reports = REPORT_LAYERS[configuration.radio_encoder]
        over_cells = REPORT_LAYERS["transformer" if configuration.radio_encoder == "transformer" else "mlp"]
        features = features_named(configuration.features)
        self.features = FeatureEmbedding([each for each in features if each.token != "beam"], width)
        self.beam_features = FeatureEmbedding([each for each in features if each.token == "beam"], width)
        self.beam_output = nn.Linear(width, width, bias=False)
        self.pose = nn.Linear(POSE_WIDTH + SUMMARIES, width)
        self.embed = nn.Sequential(nn.GELU(), nn.Linear(width, width))
        self.across_cells = nn.ModuleList(over_cells(configuration) for _ in range(configuration.cell_layers))
        self.age = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width))
        self.across_reports = nn.ModuleList(
            over_reports(configuration) for _ in range(configuration.report_layers)
        )
        self.output = nn.LayerNorm(width)

    def forward(self, sequences: SequenceTensors, poses: Float[Tensor, "cell pose"]) -> RadioEncoding:
        """Encodes a batch of sequences of the place whose cells have these poses."""
        heard, present = sequences.reported, ~sequences.age.isnan()
        tokens = self._tokens(sequences, poses, heard).flatten(0, 1)
        for block in self.across_cells:
            tokens = block(tokens, heard.flatten(0, 1))
        tokens = tokens.reshape(*heard.shape, -1) * heard[..., None]
        pooled = tokens.sum(2) / heard.sum(2, keepdim=True).clamp(min=1)
        age = torch.nan_to_num(sequences.age)[..., None]
        reports = pooled + self.age(torch.cat([torch.log1p(age), age / 10, torch.exp(-age)], -1))
        for block in self.across_reports:
            reports = block(reports, present)
        reports = self.output(reports) * present[..., None]
        return RadioEncoding(tokens, reports, reports[:, -1], present, heard)

    def set_statistics(self, statistics: dict[str, tuple[float, float]]) -> None:
        """Takes mean and standard deviation of every feature that training has, in the unit of `SequenceTensors`."""
        self.features.set_statistics(statistics)
        self.beam_features.set_statistics(statistics)

    def reads(self) -> tuple[str, ...]:
        """The features that training had."""
        parts = [(part.rows, part.read.tolist()) for part in (self.features, self.beam_features)]
        return tuple(name for rows, read in parts for name, row in rows.items() if read[row] > 0)

    def _tokens(
        self,
        sequences: SequenceTensors,
        poses: Float[Tensor, "cell pose"],
        heard: Bool[Tensor, "batch time cell"],
    ) -> Float[Tensor, "batch time cell width"]:
        """Embeddings of what was reported: a fraction of all cells in all reports; zero elsewhere."""
        token = heard.nonzero(as_tuple=True)
        beams = sequences.beams[token]
        known = ~beams.isnan()
        lowest = torch.where(known, beams, torch.inf).amin(-1)
        highest = torch.where(known, beams, -torch.inf).amax(-1)
        spread = torch.where(known.any(-1), highest - lowest, 0) / 10
        summaries = torch.stack([sequences.serving[token].float(), known.sum(-1) / 4, spread], -1)
        posed = self.pose(torch.cat([poses[token[2]], summaries], -1))
        names = sequences.cell_names
        measured = self.features(sequences.cell_features[token], sequences.censored[token], names)
        tokens = posed.new_zeros(*heard.shape, posed.shape[-1])
        tokens[token] = self.embed(posed + measured + self._beams(sequences, token))
        return tokens

    def _beams(self, sequences: SequenceTensors, token: tuple[Tensor, ...]) -> Float[Tensor, "token width"]:
        """Mean over each token's reported beams."""
        values, censored = sequences.beam_features[token], sequences.censored_beams[token]
        there = ~values.isnan().all(-1)
        beam = there.nonzero(as_tuple=True)
        embedded = functional.gelu(self.beam_features(values[beam], censored[beam], sequences.beam_names))
        total = embedded.new_zeros(len(values), embedded.shape[-1]).index_add(0, beam[0], embedded)
        mean: Tensor = self.beam_output(total / there.sum(-1, keepdim=True).clamp(min=1))
        return mean
