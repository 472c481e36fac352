"""Layers of the radio channel between isotropic antennas: delays, angle spreads, Doppler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr
from jaxtyping import Float

from raylocus.propagation.antennas.antennas import zenith_and_azimuth
from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.radio_maps import Layer, as_dataset
from raylocus.propagation.maps.site_channel import GroundCellGroups, SiteChannel
from raylocus.units import SPEED_OF_LIGHT

_SITES = ("site", "y", "x")
LAYERS = (
    Layer("toa_strongest", _SITES, "s", "delay of the strongest path"),
    Layer("mean_delay", _SITES, "s", "mean delay, power weighted"),
    Layer("aoa_azimuth_spread", _SITES, "rad", "circular spread of the azimuth of arrival"),
    Layer("aoa_zenith_spread", _SITES, "rad", "circular spread of the zenith angle of arrival"),
    Layer("aod_azimuth_spread", _SITES, "rad", "circular spread of the azimuth of departure"),
    Layer("aod_zenith_spread", _SITES, "rad", "circular spread of the zenith angle of departure"),
    Layer("doppler_x", _SITES, "Hz s/m", "Doppler shift of the strongest path per unit of eastward velocity"),
    Layer(
        "doppler_y", _SITES, "Hz s/m", "Doppler shift of the strongest path per unit of northward velocity"
    ),
    Layer("path_count", _SITES, "1", "number of paths"),
)


@dataclass(frozen=True)
class _SiteLayers:
    """`LAYERS` of one site, in flat [y, x] order; NaN where there is no path."""

    toa_strongest: Float[np.ndarray, " ground_cell"]
    mean_delay: Float[np.ndarray, " ground_cell"]
    aoa_azimuth_spread: Float[np.ndarray, " ground_cell"]
    aoa_zenith_spread: Float[np.ndarray, " ground_cell"]
    aod_azimuth_spread: Float[np.ndarray, " ground_cell"]
    aod_zenith_spread: Float[np.ndarray, " ground_cell"]
    doppler_x: Float[np.ndarray, " ground_cell"]
    doppler_y: Float[np.ndarray, " ground_cell"]
    path_count: Float[np.ndarray, " ground_cell"]


def channel_layers(channels: Sequence[SiteChannel], rows: GridRows) -> xr.Dataset:
    """`LAYERS` of every site."""
    layers = [_site_layers(channel) for channel in channels]
    stacked = {
        field.name: np.stack([getattr(each, field.name) for each in layers]).reshape(-1, *rows.shape)
        for field in fields(_SiteLayers)
    }
    return as_dataset(stacked, rows, LAYERS)


def circular_spread(
    angle: Float[np.ndarray, " path"], power: Float[np.ndarray, " path"], groups: GroundCellGroups
) -> Float[np.ndarray, " group"]:
    """√(−2 ln |Σ P exp(jφ)| / Σ P) of each group [rad] (TR 38.901 Annex A)."""
    total = groups.total(power)
    real, imaginary = groups.total(power * np.cos(angle)), groups.total(power * np.sin(angle))
    # One path, or rounding, must not exceed a resultant of one.
    resultant = np.minimum(np.hypot(real, imaginary) / total, 1.0)
    return np.sqrt(2 * np.abs(np.log(resultant)))


def _site_layers(channel: SiteChannel) -> _SiteLayers:
    paths, power, groups = channel.paths, channel.power, channel.groups
    delay = paths.length / SPEED_OF_LIGHT
    strongest = groups.strongest(power)
    seen, departure = -paths.arrival.astype(float), paths.departure.astype(float)
    shift = seen[strongest] / channel.wavelength

    def spread_of(direction: Float[np.ndarray, "path 3"]) -> tuple[np.ndarray, np.ndarray]:
        zenith, azimuth = zenith_and_azimuth(direction)
        across, along = (groups.spread(circular_spread(angle, power, groups)) for angle in (azimuth, zenith))
        return across, along

    aoa_azimuth, aoa_zenith = spread_of(seen)
    aod_azimuth, aod_zenith = spread_of(departure)
    return _SiteLayers(
        toa_strongest=groups.spread(delay[strongest]),
        mean_delay=groups.spread(groups.total(power * delay) / groups.total(power)),
        aoa_azimuth_spread=aoa_azimuth,
        aoa_zenith_spread=aoa_zenith,
        aod_azimuth_spread=aod_azimuth,
        aod_zenith_spread=aod_zenith,
        doppler_x=groups.spread(shift[:, 0]),
        doppler_y=groups.spread(shift[:, 1]),
        path_count=groups.spread(groups.total(np.ones(len(power)))),
    )
