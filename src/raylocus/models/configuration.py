"""What shapes the network; it travels inside every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raylocus.network.reports.features import SCHEMA

#: What the radio encoder mixes cells and reports with: attention, or what it is compared with.
RadioEncoderKind = Literal["transformer", "mlp", "convolutional", "gru"]
#: How R and G meet: one encoder each (A), one of both together (B), one each that look at each other (C).
MapFusion = Literal["late", "early", "cross_attention"]
#: What an encoder of maps is made of.
MapBackbone = Literal["convolutional", "vision_transformer", "multi_resolution"]
#: What map encoders are shown of R and G: levels, sight, distance and buildings, or all layers of both besides.
MapLayerChoice = Literal["levels", "all"]
#: What the answer is: a heatmap with mixtures, one Gaussian, or one point.
Head = Literal["mixture", "gaussian", "regression"]


@dataclass(frozen=True)
class LocationNetworkConfiguration:
    """Kinds and sizes of the network's parts, and the features it reads."""

    features: tuple[str, ...] = tuple(feature.name for feature in SCHEMA)
    """Rows of the feature table that the radio encoder has weights for."""
    radio_encoder: RadioEncoderKind = "transformer"
    """Layers over the cells of a report and over reports."""
    map_fusion: MapFusion = "late"
    """How R and G are encoded together."""
    map_backbone: MapBackbone = "convolutional"
    """What encodes maps."""
    map_layers: MapLayerChoice = "levels"
    """Layers of R and G that are encoded."""
    head: Head = "mixture"
    """What the answer is."""
    token_width: int = 48
    """Width of the radio encoder's tokens."""
    attention_heads: int = 4
    """Heads of every attention layer."""
    cell_layers: int = 1
    """Layers over the cells of a report."""
    report_layers: int = 2
    """Layers over the reports of a sequence."""
    head_ages: tuple[float, ...] = (0.3, 3.0, 15.0)
    """Ages that the time heads look back over at the start of training [s], one head each."""
    map_width: int = 8
    """Channels a cell's map is encoded to before cells are pooled."""
    fusion_width: int = 16
    """Channels of the fusion network at the coarse grid."""
    coarse_cells: int = 24
    """Coarse cells that carry Gaussians, the most probable first."""
    components: int = 2
    """Gaussians in each of these cells, of the head `mixture`."""
    dropout: float = 0.1
    """Probability that an evidence channel is hidden from the fusion network in training."""
