"""Map encoder: one stream for R with weights shared by all cells, one for G. It runs once a place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.rasters import LEVEL_UNITS, EvidenceRasters, evidence_rasters
from raylocus.models.inputs.maps import PlaceMaps


@dataclass(frozen=True)
class EncodedPlace:
    """All that the network needs to know of a place, reused for every UE in it."""

    maps: PlaceMaps
    rasters: EvidenceRasters
    radio: Float[Tensor, "cell channel y x"]
    """R, encoded cell by cell."""
    ground: Float[Tensor, "channel y x"]
    """G, encoded."""


class MapEncoder(nn.Module):
    """Convolutions over each cell's maps, and over the geometry."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        width = configuration.map_width
        self.radio = _convolutions(5, width)
        self.ground = _convolutions(4, width)

    def forward(self, maps: PlaceMaps, rasters: EvidenceRasters | None = None) -> EncodedPlace:
        """Encodes a place; its rasters are made here where they are not at hand."""
        site = maps.site_of_cell
        cells = torch.stack(
            [
                (maps.level - LEVEL_UNITS.centre) / 20,
                (maps.level - maps.formula) / 20,
                maps.covered,
                maps.line_of_sight[site],
                maps.distance[site] / 300,
            ],
            1,
        )
        ground = torch.cat([maps.geometry, maps.line_of_sight.amax(0, keepdim=True)])[None]
        return EncodedPlace(
            maps, rasters or evidence_rasters(maps), self.radio(cells), self.ground(ground)[0]
        )


def _convolutions(inputs: int, width: int) -> nn.Sequential:
    layers = nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.GELU(),
    )
    # Convolutions on the CPU are several times faster in this layout.
    return layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
