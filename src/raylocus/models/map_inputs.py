"""What map encoders are shown of a place: levels, sight, distance and buildings, or all layers of R and G besides."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from raylocus.models.configuration import LocationNetworkConfiguration, MapLayerChoice
from raylocus.models.evidence.rasters import LEVEL_UNITS
from raylocus.models.inputs.map_layer_table import CHANNELS_BY_AXIS
from raylocus.models.inputs.map_layers import MapLayers
from raylocus.models.inputs.maps import PlaceMaps, complete_place_maps, place_maps
from raylocus.models.inputs.nominal_maps import MappedPlace

#: Channels of R [cell, channel, y, x] and of G [channel, y, x].
Shown = tuple[Float[Tensor, "cell channel y x"], Float[Tensor, "ground_channel y x"]]
#: Channels that all layers of R, or all of G, become, for each channel that a map is encoded to.
EMBEDDING_FACTOR = 2


class LevelInputs(nn.Module):
    """Levels by ray tracing and over the formula's, what is covered, sight and distance; buildings and terrain."""

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__()
        #: Channels of each cell, and those of the ground.
        self.radio_channels, self.ground_channels = 5, 4

    @staticmethod
    def maps_of(place: MappedPlace) -> PlaceMaps:
        """The maps of a place that this is made of. Raises InputError and PlaceError as `place_maps`."""
        return place_maps(place)

    def forward(self, maps: PlaceMaps) -> Shown:
        """R and G as rasters of order 1."""
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
        return cells, torch.cat([maps.geometry, maps.line_of_sight.amax(0, keepdim=True)])


class AllInputs(LevelInputs):
    """The same, and all layers of R and G, embedded ground cell by ground cell.

    An embedding is a sum over layers of weights times their values and times where they are known; what is not known is
    0 and adds nothing. It is of fewer channels than there are layers, and of sites it is made once for all their cells.
    """

    def __init__(self, configuration: LocationNetworkConfiguration) -> None:
        super().__init__(configuration)
        width = EMBEDDING_FACTOR * configuration.map_width
        self.site = nn.Conv2d(len(CHANNELS_BY_AXIS["site"]), width, 1, bias=False)
        self.cell = nn.Conv2d(len(CHANNELS_BY_AXIS["cell"]), width, 1)
        self.ground = nn.Conv2d(len(CHANNELS_BY_AXIS["ground"]), width, 1)
        self.radio_channels += width
        self.ground_channels += width

    @staticmethod
    def maps_of(place: MappedPlace) -> PlaceMaps:
        """The maps of a place with all layers. Raises InputError and PlaceError as `place_maps`."""
        return complete_place_maps(place)

    def forward(self, maps: PlaceMaps) -> Shown:
        """R and G as rasters of order 1.

        Raises:
            ValueError: the maps were not made by `maps_of`.
        """
        if maps.layers is None:
            raise ValueError("this network sees all layers of maps; make them by its maps_of")
        cells, ground = super().forward(maps)
        radio, alone = self._embedded(maps.layers, maps.site_of_cell)
        return torch.cat([cells, radio], 1), torch.cat([ground, alone])

    def _embedded(self, layers: MapLayers, site_of_cell: Tensor) -> Shown:
        radio = self.cell(layers.cell) + self.site(layers.site)[site_of_cell]
        return functional.gelu(radio), functional.gelu(self.ground(layers.ground))[0]


#: What is shown, by the name of the choice.
MAP_INPUTS: dict[MapLayerChoice, type[LevelInputs]] = {"levels": LevelInputs, "all": AllInputs}
