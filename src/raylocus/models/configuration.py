"""What shapes the network; it travels inside every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.network.reports.features import SCHEMA


@dataclass(frozen=True)
class LocationNetworkConfiguration:
    """Sizes of the network's parts, and the features it reads."""

    features: tuple[str, ...] = tuple(feature.name for feature in SCHEMA)
    """Rows of the feature table that the radio encoder has weights for."""
    token_width: int = 48
    """Width of the radio encoder's tokens."""
    attention_heads: int = 4
    """Heads of every attention layer."""
    cell_layers: int = 1
    """Attention layers over the cells of a report."""
    report_layers: int = 2
    """Attention layers over the reports of a sequence."""
    head_ages: tuple[float, ...] = (0.3, 3.0, 15.0)
    """Ages that the time heads look back over at the start of training [s], one head each."""
    map_width: int = 8
    """Channels a cell's map is encoded to before cells are pooled."""
    fusion_width: int = 16
    """Channels of the fusion network at the coarse grid."""
    coarse_cells: int = 24
    """Coarse cells that carry a Gaussian mixture, the most probable first."""
    components: int = 2
    """Gaussians in each of these cells."""
    dropout: float = 0.1
    """Probability that an evidence channel is hidden from the fusion network in training."""
