"""What the radio channel of a world is at the places where UEs are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.scenes.geometry_maps import grid_of


@dataclass(frozen=True)
class ChannelState:
    """The channel from every cell to the UE at each report."""

    rsrp_beam: Float[np.ndarray, "report cell beam"]
    """Received power per resource element of every SSB beam [dBm]; NaN without a path."""
    delay: Float[np.ndarray, "report site"]
    """Delay of the first path from each site [s]; NaN without a path."""
    line_of_sight: Float[np.ndarray, "report site"]
    """Share of the ground cell in line of sight of each site."""

    def select(self, reports: Int[np.ndarray, " kept"]) -> ChannelState:
        """The channel at some of the reports."""
        return ChannelState(self.rsrp_beam[reports], self.delay[reports], self.line_of_sight[reports])


def channel_at(world_maps: xr.Dataset, position: Float[np.ndarray, "report 3"]) -> ChannelState:
    """The channel at UE positions [m], read from the ground cells that hold them.

    Args:
        world_maps: layers of `propagation.maps.radio_maps.LAYERS` of one world.
        position: UE antenna positions in the place's frame.

    Raises:
        InputError: a position lies outside the tile.
    """
    grid = grid_of(world_maps)
    ground = grid.index(position)
    if np.any(ground < 0):
        x, y = position[np.argmax(ground < 0), :2]
        raise InputError(
            f"a UE at ({x:.0f}, {y:.0f}) m is outside the {grid.size:.0f} m tile; move it inside"
        )
    row, column = np.divmod(ground, grid.count)
    return ChannelState(
        rsrp_beam=np.moveaxis(world_maps["rsrp_beam"].values[:, :, row, column], -1, 0),
        delay=world_maps["toa"].values[:, row, column].T,
        line_of_sight=world_maps["line_of_sight"].values[:, row, column].T,
    )
