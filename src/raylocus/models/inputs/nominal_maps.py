"""What a locator may know of a place: one set of maps, read by the model, by every classic and by the bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.errors import PlaceError
from raylocus.geo import Grid
from raylocus.propagation.link_abstraction.link_quality import DEFAULT_CQI_TABLE, lowest_sinr_db
from raylocus.propagation.maps.layers.turned import TURNS, layer_name
from raylocus.propagation.maps.path_loss import formula_levels, isotropic_levels, power_sum
from raylocus.propagation.maps.radio_maps import LOAD, NOISE_FIGURE_DB
from raylocus.scenes.sites import Deployment
from raylocus.units import SPEED_OF_LIGHT, from_decibel, noise_per_resource_element, to_decibel

#: Level of what ray tracing leaves out, over TR 38.901 UMi NLOS between isotropic antennas [dB]: with it, links
#: without a path have a level too. The middle of the range that worlds are drawn from.
SCATTER_GAIN = -15.0
#: Beams this far below a cell's best one, or without a path, say nothing more [dB].
BEAM_FLOOR = -20.0


@runtime_checkable
class MappedPlace(Protocol):
    """A place as it is opened: its sites, G and R, all nominal."""

    @property
    def tile(self) -> Grid:
        """Extent of the tile, and the grid of G and R."""

    @property
    def deployment(self) -> Deployment:
        """Sites and cells as the operator lists them."""

    @property
    def geometry_maps(self) -> xr.Dataset:
        """G."""

    @property
    def radio_maps(self) -> xr.Dataset:
        """R, with the layers of `propagation.maps.radio_maps.LAYERS`."""


@dataclass(frozen=True, eq=False)
class NominalMaps:
    """A place as its maps say it is, on its native grid; a `MappedPlace` itself.

    Layers are computed when first asked for and kept, so that methods which are given one object share them.
    """

    tile: Grid
    deployment: Deployment
    geometry_maps: xr.Dataset
    radio_maps: xr.Dataset
    ue_height: float
    """Height of the UE's antenna above the ground [m]."""
    scatter_gain: float = SCATTER_GAIN
    """What is added of unmodelled scattering, over TR 38.901 UMi NLOS between isotropic antennas [dB]."""

    @cached_property
    def terrain(self) -> Float[np.ndarray, "y x"]:
        """Height of the ground [m]."""
        return self.geometry_maps["terrain"].values.astype(np.float32)

    @cached_property
    def outdoor(self) -> Float[np.ndarray, "y x"]:
        """1 outside buildings, 0 inside."""
        return 1 - self.geometry_maps["footprint"].values.astype(np.float32)

    @cached_property
    def prior(self) -> Float[np.ndarray, "y x"]:
        """Probability mass of each ground cell for a UE anywhere outdoors.

        Raises:
            PlaceError: the tile is one building.
        """
        if not self.outdoor.any():
            raise PlaceError("the place has no open ground where a UE could be")
        # In double precision, or it would not sum to 1 for those who draw from it.
        return self.outdoor.astype(np.float64) / self.outdoor.sum(dtype=np.float64)

    @cached_property
    def traced_level(self) -> Float[np.ndarray, "cell y x"]:
        """RSRP of the best beam by ray tracing alone [dBm]; NaN where there is no path."""
        return self.radio_maps["rsrp"].values.astype(np.float32)

    @cached_property
    def scattered_level(self) -> Float[np.ndarray, "cell y x"]:
        """RSRP of unmodelled scattering [dBm], the same through every beam."""
        isotropic = isotropic_levels(self.deployment, self.tile, self.terrain, self.ue_height)
        return (isotropic + self.scatter_gain).astype(np.float32)

    @cached_property
    def level(self) -> Float[np.ndarray, "cell y x"]:
        """RSRP of the best beam [dBm], summed in power with unmodelled scattering: never missing."""
        return power_sum(self.traced_level, self.scattered_level)

    @cached_property
    def formula_level(self) -> Float[np.ndarray, "cell y x"]:
        """RSRP [dBm] by TR 38.901 UMi NLOS and the sector's pattern: a second opinion without buildings."""
        level = formula_levels(self.deployment, self.tile, self.terrain, self.ue_height)
        return level.astype(np.float32)

    @cached_property
    def isotropic_level(self) -> Float[np.ndarray, "cell y x"]:
        """RSRP [dBm] by TR 38.901 UMi NLOS without antennas: distance alone, a third opinion."""
        return self.scattered_level - np.float32(self.scatter_gain)

    @cached_property
    def sinr(self) -> Float[np.ndarray, "cell y x"]:
        """SS-SINR [dB] of each cell's best beam among those of its carrier, scattering included: never missing."""
        power = from_decibel(self.level.astype(np.float64))
        traffic, interference = LOAD * power * self._mean_beam_share, np.empty_like(power)
        for layer in self.deployment.layers():
            own = traffic[layer.cells]
            noise = noise_per_resource_element(layer.deployment.carrier.numerology, NOISE_FIGURE_DB)
            interference[layer.cells] = np.maximum(own.sum(axis=0) - own, 0) + from_decibel(noise)
        return (self.level - to_decibel(interference)).astype(np.float32)

    @cached_property
    def _mean_beam_share(self) -> Float[np.ndarray, "cell y x"]:
        """Mean power of a cell's own beams over that of the best one."""
        beams = np.array([cell.array.beams for cell in self.deployment.cells])
        own = np.arange(self.beam_relative.shape[1]) < beams[:, None]
        total = np.where(own[:, :, None, None], from_decibel(np.nan_to_num(self.beam_relative)), 0).sum(
            axis=1
        )
        return np.minimum(total / beams[:, None, None], 1.0)

    @cached_property
    def beam_relative(self) -> Float[np.ndarray, "cell beam y x"]:
        """RSRP of each beam over the cell's best [dB], scattering included, not below `BEAM_FLOOR`.

        Scattering reaches every beam alike, so where it is all there is no beam stands out.
        """
        return self._relative("rsrp_beam")

    @cached_property
    def turns(self) -> Float[np.ndarray, " turn"]:
        """Azimuths from the listed one that R knows the beams of, ascending [rad]; 0 alone where R has no others."""
        known = all(layer_name(turn) in self.radio_maps for turn in TURNS)
        return np.deg2rad(np.sort([0, *TURNS]) if known else [0]).astype(np.float32)

    @cached_property
    def turned_beam_relative(self) -> Float[np.ndarray, "cell beam turn y x"]:
        """`beam_relative` were the antenna turned by each of `turns` [dB], in half precision."""
        names = [layer_name(round(turn)) if turn else "rsrp_beam" for turn in np.rad2deg(self.turns)]
        return np.stack([self._relative(name).astype(np.float16) for name in names], axis=2)

    def _relative(self, layer: str) -> Float[np.ndarray, "cell beam y x"]:
        traced = self.radio_maps[layer].values
        levels = power_sum(traced, np.broadcast_to(self.scattered_level[:, None], traced.shape))
        return np.maximum(levels - levels.max(axis=1, keepdims=True), np.float32(BEAM_FLOOR))

    @cached_property
    def straight_line(self) -> Float[np.ndarray, "site y x 3"]:
        """Vector from each site to the UE above the terrain [m]."""
        ue = np.column_stack([self.tile.centres, self.terrain.ravel() + self.ue_height])
        offset = ue[None] - self.deployment.site_positions[:, None]
        return offset.reshape(-1, *self.tile.shape, 3).astype(np.float32)

    @cached_property
    def straight_length(self) -> Float[np.ndarray, "site y x"]:
        """Length of the straight line from each site to the UE above the terrain [m]."""
        return np.linalg.norm(self.straight_line, axis=-1)

    @cached_property
    def path_length(self) -> Float[np.ndarray, "site y x"]:
        """Length of the first path from each site [m]; the straight line where there is no path."""
        traced = self.radio_maps["toa"].values * SPEED_OF_LIGHT
        return np.where(np.isfinite(traced), traced, self.straight_length).astype(np.float32)

    @cached_property
    def azimuth(self) -> Float[np.ndarray, "site y x"]:
        """Azimuth of the straight line at each site [rad]."""
        return np.arctan2(self.straight_line[..., 1], self.straight_line[..., 0])

    @cached_property
    def departure_azimuth(self) -> Float[np.ndarray, "site y x"]:
        """Azimuth at each site of the strongest path [rad]; of the straight line where no path or layer is there."""
        if "aod_azimuth" not in self.radio_maps:
            return self.azimuth
        traced = self.radio_maps["aod_azimuth"].values
        return np.where(np.isfinite(traced), traced, self.azimuth).astype(np.float32)

    @cached_property
    def delay_spread(self) -> Float[np.ndarray, "site y x"]:
        """RMS delay spread [s]; NaN where no path or layer is there."""
        if "delay_spread" not in self.radio_maps:
            return np.full_like(self.path_length, np.nan)
        return self.radio_maps["delay_spread"].values.astype(np.float32)

    @cached_property
    def cqi_sinr(self) -> Float[np.ndarray, "cell step"]:
        """SINR [dB] from which on each cell's UEs report CQI 1 to 15 on one layer (TS 38.214 §5.2.2.1)."""
        table = int(self.radio_maps.attrs.get("cqi_table", DEFAULT_CQI_TABLE))
        carriers = [lowest_sinr_db(carrier.resource_blocks, table) for carrier in self.deployment.carriers]
        return np.array([carriers[cell.carrier] for cell in self.deployment.cells], np.float32)

    @cached_property
    def line_of_sight(self) -> Float[np.ndarray, "site y x"]:
        """Share of the ground cell in line of sight; 0 where there is no path."""
        return np.nan_to_num(self.radio_maps["line_of_sight"].values).astype(np.float32)


def nominal_maps(place: MappedPlace) -> NominalMaps:
    """The maps of a place; maps that are given stay the object that they are.

    Raises:
        PlaceError: R is on another grid than G.
    """
    if isinstance(place, NominalMaps):
        return place
    if place.radio_maps["rsrp"].shape[-2:] != place.geometry_maps["footprint"].shape:
        raise PlaceError("the radio maps are on another grid than the geometry maps; trace the maps again")
    return NominalMaps(
        place.tile, place.deployment, place.geometry_maps, place.radio_maps, ue_height(place.radio_maps)
    )


def ue_height(radio_maps: xr.Dataset) -> float:
    """Height of the UE's antenna above the ground that R was traced for [m]."""
    return float(radio_maps.attrs["ue_height"])
