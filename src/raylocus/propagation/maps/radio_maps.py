"""R: what every cell would look like at every ground cell, as dense grids computed from the atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from raylocus.propagation.atlas.atlas import GridRows, PathAtlas
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.propagation.maps.site_channel import CHANNEL_LAYER_NAMES, SiteChannel
from raylocus.propagation.materials.materials import RadioMaterials
from raylocus.scenes.sites import Deployment
from raylocus.units import from_decibel, noise_per_resource_element, to_decibel

#: Version of radio.zarr.
RADIO_SCHEMA = "raylocus.radio.v3"
#: Noise figure of the UE behind the SNR and SINR layers [dB].
NOISE_FIGURE_DB = 9.0
#: Share of their resource elements on which the interfering cells of the SINR layer transmit.
LOAD = 0.5
#: Levels that differ by less are equal [dB]: next to a boresight two beams are, and between two sectors two cells, but
#: for the rounding of single precision, which is another on each processor.
EQUAL_DB = 1e-4


@dataclass(frozen=True)
class Layer:
    """One layer of R."""

    name: str
    dimensions: tuple[str, ...]
    units: str
    meaning: str


#: Layers over sites describe the channel between isotropic antennas; layers over cells include the
#: sector's antennas, beams and power. Missing (no path) is NaN.
LAYERS = (
    Layer("path_gain", ("site", "y", "x"), "dB", "sum of all paths' power gains, isotropic antennas"),
    Layer("toa", ("site", "y", "x"), "s", "delay of the first path"),
    Layer(
        "aoa_azimuth",
        ("site", "y", "x"),
        "rad",
        "azimuth, at the UE, towards which the strongest path is seen",
    ),
    Layer("aoa_zenith", ("site", "y", "x"), "rad", "zenith angle of the same"),
    Layer("aod_azimuth", ("site", "y", "x"), "rad", "azimuth of departure of the strongest path"),
    Layer("aod_zenith", ("site", "y", "x"), "rad", "zenith angle of departure of the strongest path"),
    Layer("delay_spread", ("site", "y", "x"), "s", "RMS delay spread, power weighted"),
    Layer(
        "k_factor", ("site", "y", "x"), "dB", "line-of-sight power over the rest; NaN where either is missing"
    ),
    Layer("line_of_sight", ("site", "y", "x"), "1", "share of the ground cell in line of sight"),
    Layer("rsrp_beam", ("cell", "beam", "y", "x"), "dBm", "RSRP of each SSB beam"),
    Layer("rsrp", ("cell", "y", "x"), "dBm", "RSRP of the best SSB beam"),
    Layer("best_beam", ("cell", "y", "x"), "1", "index of the best SSB beam"),
    Layer("snr", ("cell", "y", "x"), "dB", "RSRP over the thermal noise of one resource element"),
    Layer("sinr", ("cell", "y", "x"), "dB", "RSRP over noise and the other cells' load"),
)


def radio_maps(atlas: PathAtlas, deployment: Deployment) -> xr.Dataset:
    """Every layer of R.

    Args:
        atlas: paths of every site.
        deployment: sites and cells whose antennas are applied.

    Returns:
        Dataset of `LAYERS` over site, cell, beam, y and x; the attribute `ue_height` is that of the atlas [m].
    """
    rows = GridRows.whole(atlas.grid)
    channels = site_channels(atlas, deployment, atlas.materials, rows)
    return radio_maps_of(channels, deployment, rows).assign_attrs(ue_height=atlas.ue_height)


def site_channels(
    atlas: PathAtlas, deployment: Deployment, materials: RadioMaterials, rows: GridRows
) -> list[SiteChannel]:
    """The channel of every site of a deployment, over rows that hold all paths of the atlas."""
    return [SiteChannel(atlas, site, materials, rows) for site in range(len(deployment.sites))]


def radio_maps_of(channels: Sequence[SiteChannel], deployment: Deployment, rows: GridRows) -> xr.Dataset:
    """`LAYERS` of channels that are there already, one a site."""
    over_cells = cell_layers(beam_levels(channels, deployment, rows), deployment)
    return as_dataset({**site_layers(channels, rows), **over_cells}, rows)


def site_layers(channels: Sequence[SiteChannel], rows: GridRows) -> dict[str, Float[np.ndarray, "site y x"]]:
    """The layers over sites, by name."""
    layers = [channel.layers() for channel in channels]
    return {
        name: np.stack([getattr(each, name) for each in layers]).reshape(-1, *rows.shape)
        for name in CHANNEL_LAYER_NAMES
    }


def beam_levels(
    channels: Sequence[SiteChannel], deployment: Deployment, rows: GridRows
) -> Float[np.ndarray, "cell beam y x"]:
    """RSRP of every SSB beam [dBm]; NaN without a path and where a cell has fewer beams."""
    energy = cell_energy(deployment)[:, None, None, None]
    return energy + to_decibel(_beam_gains(channels, deployment, rows))


def beam_powers(
    channels: Sequence[SiteChannel], deployment: Deployment, rows: GridRows
) -> Float[np.ndarray, "cell beam y x"]:
    """The same as powers [mW]; 0 without a path and where a cell has fewer beams."""
    gains = np.nan_to_num(_beam_gains(channels, deployment, rows), copy=False)
    energy = from_decibel(cell_energy(deployment)).astype(gains.dtype)
    return np.multiply(gains, energy[:, None, None, None], out=gains)


def _beam_gains(
    channels: Sequence[SiteChannel], deployment: Deployment, rows: GridRows
) -> Float[np.ndarray, "cell beam y x"]:
    gains = [
        _padded(channels[cell.site].beam_power(cell), deployment.beam_count) for cell in deployment.cells
    ]
    return np.stack(gains).reshape(len(gains), deployment.beam_count, *rows.shape)


def cell_layers(
    rsrp_beam: Float[np.ndarray, "cell beam y x"], deployment: Deployment
) -> dict[str, Float[np.ndarray, " cell *rest"]]:
    """The layers over cells that follow from the beams' RSRP [dBm].

    The interference of SINR is the other cells' load at the mean over their beams, as in a report.
    """
    pathless = np.isnan(rsrp_beam).all(axis=1)
    level = np.where(np.isnan(rsrp_beam), -np.inf, rsrp_beam)
    best = np.where(pathless, np.nan, level.max(axis=1))
    noise = noise_per_resource_element(deployment.carrier.numerology, NOISE_FIGURE_DB)
    traffic = mean_traffic(rsrp_beam, deployment)
    interference = np.maximum(traffic.sum(axis=0) - traffic, 0) + from_decibel(noise)
    return {
        "rsrp_beam": rsrp_beam,
        "rsrp": best,
        "best_beam": np.where(pathless, np.nan, strongest(level, axis=1)),
        "snr": best - noise,
        "sinr": best - to_decibel(interference),
    }


def strongest(level: Float[np.ndarray, "..."], axis: int) -> Int[np.ndarray, "..."]:
    """Index of the highest level [dBm] along an axis, the first of equals (see `EQUAL_DB`)."""
    return (level >= level.max(axis=axis, keepdims=True) - EQUAL_DB).argmax(axis=axis)


def mean_traffic(
    rsrp_beam: Float[np.ndarray, "cell beam y x"], deployment: Deployment
) -> Float[np.ndarray, "cell y x"]:
    """What every cell sends on a resource element at `LOAD` [mW]: traffic is spread evenly over its beams."""
    beams = np.array([cell.array.beams for cell in deployment.cells])
    total = np.nan_to_num(from_decibel(rsrp_beam)).sum(axis=1)
    return LOAD * total / beams[:, None, None]


def as_dataset(
    layers: dict[str, Float[np.ndarray, "..."]],
    rows: GridRows,
    described: tuple[Layer, ...] = LAYERS,
) -> xr.Dataset:
    """Layers by name as an xarray dataset over some rows, with units and coordinates, in float32."""
    variables = {
        layer.name: (
            layer.dimensions,
            layers[layer.name].astype(np.float32),
            {"units": layer.units, "long_name": layer.meaning},
        )
        for layer in described
    }
    metres = {"units": "m"}
    return xr.Dataset(
        variables, coords={"y": ("y", rows.y, metres), "x": ("x", rows.grid.x_coordinates, metres)}
    )


def _padded(
    power: Float[np.ndarray, "beam ground_cell"], beams: int
) -> Float[np.ndarray, "all_beams ground_cell"]:
    return np.pad(power, [(0, beams - len(power)), (0, 0)], constant_values=np.nan)
