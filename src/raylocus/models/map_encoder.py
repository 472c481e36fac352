"""Map encoders: R with weights shared by all cells, and G. They run once a place."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from raylocus.models.configuration import LocationNetworkConfiguration, MapBackbone, MapFusion
from raylocus.models.density import displaced_density
from raylocus.models.evidence.cell_order import swapped_orders
from raylocus.models.evidence.rasters import EvidenceRasters, evidence_rasters
from raylocus.models.inputs.maps import PlaceMaps
from raylocus.models.map_backbones import Convolutional, MultiResolution, PatchCrossing, VisionTransformer
from raylocus.models.map_inputs import MAP_INPUTS

#: Share of phones that may be anywhere: indoors, or where the map has buildings that do not stand there.
ANYWHERE = 0.3
#: Networks from maps [map, inputs, y, x] to features [map, width, y, x], made of both numbers.
BACKBONES: dict[MapBackbone, type[nn.Module]] = {
    "convolutional": Convolutional,
    "vision_transformer": VisionTransformer,
    "multi_resolution": MultiResolution,
}
#: Of so many ground cells along an axis one is looked at where only a mean over all of them is wanted.
THINNING = 4
#: R [cell, layer, y, x] and G [layer, y, x], encoded.
Streams = tuple[Float[Tensor, "cell channel y x"], Float[Tensor, "ground_channel y x"]]


@dataclass(frozen=True)
class EncodedPlace:
    """All that the network needs to know of a place, reused for every UE in it."""

    maps: PlaceMaps
    rasters: EvidenceRasters
    radio: Float[Tensor, "cell channel y x"]
    """R, encoded cell by cell."""
    ground: Float[Tensor, "ground_channel y x"]
    """G, encoded; without channels where it is encoded with R."""

    @cached_property
    def thinned(self) -> tuple[PlaceMaps, EvidenceRasters]:
        """Some of the ground cells, as many of every grid."""
        return self.maps.map_rasters(self.thinned_raster), self.rasters.map_rasters(self.thinned_raster)

    def thinned_raster(self, raster: Float[Tensor, "*shape y x"]) -> Float[Tensor, "*shape thin_y thin_x"]:
        """A raster of those ground cells."""
        step = THINNING * (raster.shape[-1] // self.maps.outdoor.shape[-1])
        return raster[..., ::step, ::step].contiguous()

    @cached_property
    def outdoors(self) -> Float[Tensor, "1 fine_y fine_x"]:
        """Share of phones in each native ground cell: even outdoors, where the map may lie displaced, or anywhere."""
        outdoors = displaced_density((self.maps.fine_outdoor > 0).float()[None] + 1e-12, self.maps.size)
        return (1 - ANYWHERE) * outdoors + ANYWHERE / outdoors.numel()

    @cached_property
    def strongest(self) -> Int[Tensor, " some"]:
        """Cells that are the strongest somewhere, ascending."""
        return self.maps.level.flatten(1).argmax(0).unique()

    @cached_property
    def strongest_levels(self) -> Float[Tensor, "level_knot y x"]:
        """Sum of the levels' rasters over these cells."""
        return self.rasters.level[self.strongest].sum((0, 1))

    @cached_property
    def swapped_names(self) -> Int[Tensor, "order cell"]:
        """Whose reports are taken for each cell's: its own first, then another one's, see `swapped_orders`."""
        return swapped_orders(self.maps.poses)


class MapEncoder(nn.Module, ABC):
    """From a place's maps to features; how R and G meet is the subclass's."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        self.inputs = MAP_INPUTS[configuration.map_layers](configuration)

    def forward(self, maps: PlaceMaps, rasters: EvidenceRasters | None = None) -> EncodedPlace:
        """Encodes a place; its rasters are made here where they are not at hand."""
        # Layers are many and have done their work; a place that is kept is kept without them.
        kept = maps if maps.layers is None else dataclasses.replace(maps, layers=None)
        return EncodedPlace(kept, rasters or evidence_rasters(maps), *self.streams(*self.inputs(maps)))

    @abstractmethod
    def streams(
        self, cells: Float[Tensor, "cell layer y x"], ground: Float[Tensor, "ground_layer y x"]
    ) -> Streams:
        """R and G, encoded."""


class LateMapEncoder(MapEncoder):
    """Fusion A: one encoder for each cell's maps, one for the geometry; they meet in the fusion network."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__(configuration)
        backbone, width = BACKBONES[configuration.map_backbone], configuration.map_width
        self.radio = backbone(self.inputs.radio_channels, width)
        self.ground = backbone(self.inputs.ground_channels, width)

    def streams(
        self, cells: Float[Tensor, "cell layer y x"], ground: Float[Tensor, "ground_layer y x"]
    ) -> Streams:
        """R and G, encoded."""
        return self.radio(cells), self.ground(ground[None])[0]


class EarlyMapEncoder(MapEncoder):
    """Fusion B: one encoder, twice as wide, sees each cell's maps on top of the geometry."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__(configuration)
        self.both = BACKBONES[configuration.map_backbone](
            self.inputs.radio_channels + self.inputs.ground_channels, 2 * configuration.map_width
        )

    def streams(
        self, cells: Float[Tensor, "cell layer y x"], ground: Float[Tensor, "ground_layer y x"]
    ) -> Streams:
        """R with G, encoded, and nothing of G alone."""
        return self.both(torch.cat([cells, ground.expand(len(cells), -1, -1, -1)], 1)), ground[:0]


class CrossAttentionMapEncoder(LateMapEncoder):
    """Fusion C: one encoder each, whose patches then look at those of the other."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__(configuration)
        self.radio_to_ground = PatchCrossing(configuration.map_width)
        self.ground_to_radio = PatchCrossing(configuration.map_width)

    def streams(
        self, cells: Float[Tensor, "cell layer y x"], ground: Float[Tensor, "ground_layer y x"]
    ) -> Streams:
        """R and G, encoded, each with what it found in the other; G looks at the mean over the cells."""
        radio, alone = self.radio(cells), self.ground(ground[None])
        seen = self.radio_to_ground(radio, alone)
        return seen, self.ground_to_radio(alone, radio.mean(0, keepdim=True))[0]


#: Map encoders by how R and G meet.
MAP_ENCODERS: dict[MapFusion, Callable[[LocationNetworkConfiguration], MapEncoder]] = {
    "late": LateMapEncoder,
    "early": EarlyMapEncoder,
    "cross_attention": CrossAttentionMapEncoder,
}
