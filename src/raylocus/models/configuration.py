"""What shapes the network; it travels inside every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LocationNetworkConfiguration:
    """Sizes of the network's parts."""

    token_width: int = 48
    """Width of the radio encoder's tokens."""
    attention_heads: int = 4
    """Heads of every attention layer."""
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
