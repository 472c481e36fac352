"""Layers that a UE would measure of the whole carrier: RSSI and RSRQ under the load of the SINR layer."""

from __future__ import annotations

import xarray as xr

from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.radio_maps import NOISE_FIGURE_DB, Layer, as_dataset, mean_traffic
from raylocus.scenes.sites import Deployment
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    noise_per_resource_element,
    to_decibel,
)

LAYERS = (
    Layer("rssi", ("y", "x"), "dBm", "power on the whole carrier: every cell's load and thermal noise"),
    Layer("rsrq", ("cell", "y", "x"), "dB", "resource blocks times RSRP over RSSI"),
)


def measurement_layers(maps: xr.Dataset, deployment: Deployment, rows: GridRows) -> xr.Dataset:
    """`LAYERS` from the RSRP of every beam (TS 38.215 §5.1.3).

    All cells, the measured one too, load their resource elements at the mean over their beams (`LOAD`).
    RSSI is thermal noise where no cell has a path; RSRQ is missing where its own cell is.
    """
    traffic = mean_traffic(maps["rsrp_beam"].values.astype(float), deployment)
    carrier = deployment.carrier
    noise = from_decibel(noise_per_resource_element(carrier.numerology, NOISE_FIGURE_DB))
    per_block = SUBCARRIERS_PER_RESOURCE_BLOCK * (traffic.sum(axis=0) + noise)
    block_level = to_decibel(per_block)
    layers = {
        "rssi": block_level + to_decibel(float(carrier.resource_blocks)),
        "rsrq": maps["rsrp"].values - block_level,
    }
    return as_dataset(layers, rows, LAYERS)
