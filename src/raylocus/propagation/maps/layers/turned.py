"""Layers of R for antennas that do not point where the site list says: the beams of every cell, its azimuth changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr

from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.radio_maps import Layer, as_dataset, beam_levels
from raylocus.propagation.maps.site_channel import SiteChannel
from raylocus.scenes.sites import Deployment

#: Turns of an antenna, counter-clockwise [degrees], in steps that are finer than the 15° between beams.
TURNS = (-18, -12, -6, 6, 12, 18)
#: Step that levels are rounded to [dB]; they take less room on disk.
LEVEL_STEP = 0.125


def layer_name(turn: int) -> str:
    """Name of the layer of antennas that are turned counter-clockwise by so many degrees."""
    return f"rsrp_beam_{'left' if turn > 0 else 'right'}_{abs(turn)}"


LAYERS = tuple(
    Layer(
        layer_name(turn),
        ("cell", "beam", "y", "x"),
        "dBm",
        f"RSRP of each SSB beam if the antenna pointed {abs(turn)}° further "
        f"{'left (counter-clockwise)' if turn > 0 else 'right (clockwise)'} than listed",
    )
    for turn in TURNS
)


def turned_layers(channels: Sequence[SiteChannel], deployment: Deployment, rows: GridRows) -> xr.Dataset:
    """`LAYERS` of every cell, from the same paths; NaN as in `rsrp_beam`."""
    levels = {
        layer_name(turn): beam_levels(channels, turned(deployment, np.deg2rad(turn)), rows) for turn in TURNS
    }
    rounded = {name: np.round(level / LEVEL_STEP) * LEVEL_STEP for name, level in levels.items()}
    return as_dataset(rounded, rows, LAYERS)


def turned(deployment: Deployment, angle: float) -> Deployment:
    """A deployment whose antennas all point further counter-clockwise by an angle [rad]."""
    cells = [dataclasses.replace(cell, azimuth=cell.azimuth + angle) for cell in deployment.cells]
    return dataclasses.replace(deployment, cells=tuple(cells))
