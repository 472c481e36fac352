"""Layers of the system level: link abstraction of the best beam, best server, handover margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float, Int, Shaped

from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.link_abstraction.link_quality import LinkQuality, link_quality
from raylocus.propagation.maps.layers.csi import CoherentChannel
from raylocus.propagation.maps.radio_maps import Layer, as_dataset, strongest
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, from_decibel, subcarrier_spacing

_CELLS = ("cell", "y", "x")
LAYERS = (
    Layer(
        "cqi",
        _CELLS,
        "1",
        "CQI of one layer on the best beam (TS 38.214 §5.2.2.1, the attribute cqi_table); 0 is out of range",
    ),
    Layer("bler", _CELLS, "1", "transport block error rate at that CQI; NaN at CQI 0"),
    Layer("throughput", _CELLS, "bit/s", "rate of a UE alone on the carrier at that CQI"),
    Layer("best_server", ("y", "x"), "1", "index of the cell with the highest RSRP"),
    Layer(
        "handover_margin", _CELLS, "dB", "RSRP over the strongest other cell's; NaN where none other is heard"
    ),
)
#: Resource blocks between the frequencies at which the channel is taken.
BLOCK_STEP = 4


def system_layers(
    maps: xr.Dataset,
    channels: Sequence[CoherentChannel],
    deployment: Deployment,
    rows: GridRows,
    cqi_table: int,
) -> xr.Dataset:
    """`LAYERS` of every cell.

    The SINR layer gives the level; how it varies over the carrier is that of the best beam's coherent
    response at the ground cell's centre, combined over the UE's ports, against flat interference.

    Args:
        maps: R with at least rsrp, best_beam and sinr.
        channels: coherent channels of every site.
        deployment: cells and carrier.
        rows: the ground cells.
        cqi_table: number of the CQI table.
    """
    turns = [channel.delay_turns(block_frequencies(deployment.carrier)) for channel in channels]
    links = [
        _cell_links(maps, channels[cell.site], turns[cell.site], deployment, index, cqi_table)
        for index, cell in enumerate(deployment.cells)
    ]
    names = {"cqi": "cqi", "error_rate": "bler", "throughput": "throughput"}
    layers = {
        names[field.name]: np.stack([
            _spread(getattr(link, field.name), channels[cell.site].groups.cells, rows)
            for link, cell in zip(links, deployment.cells, strict=True)
        ])
        for field in fields(LinkQuality)
    }  # fmt: skip
    level = maps["rsrp"].values.astype(float)
    layers["best_server"], layers["handover_margin"] = best_server(level), handover_margin(level)
    return as_dataset(layers, rows, LAYERS)


def block_frequencies(carrier: Carrier) -> Float[np.ndarray, " block"]:
    """Middle of every `BLOCK_STEP`-th resource block, from the carrier's centre [Hz]."""
    block = (
        np.arange(BLOCK_STEP // 2, carrier.resource_blocks, BLOCK_STEP) - (carrier.resource_blocks - 1) / 2
    )
    return block * SUBCARRIERS_PER_RESOURCE_BLOCK * subcarrier_spacing(carrier.numerology)


def best_server(level: Float[np.ndarray, "cell y x"]) -> Float[np.ndarray, "y x"]:
    """Index of the cell with the highest RSRP; NaN where no cell has a path."""
    heard = np.where(np.isnan(level), -np.inf, level)
    return np.where(np.isnan(level).all(axis=0), np.nan, strongest(heard, axis=0))


def handover_margin(level: Float[np.ndarray, "cell y x"]) -> Float[np.ndarray, "cell y x"]:
    """RSRP of each cell over the strongest other one [dB]."""
    heard = np.where(np.isnan(level), -np.inf, level)
    if len(level) < 2:
        return np.full(level.shape, np.nan)
    second, first = np.sort(heard, axis=0)[-2:]
    other = np.where(np.arange(len(level))[:, None, None] == strongest(heard, axis=0), second, first)
    return level - np.where(np.isinf(other), np.nan, other)


def _cell_links(
    maps: xr.Dataset,
    channel: CoherentChannel,
    turns: Complex[np.ndarray, "path block"],
    deployment: Deployment,
    cell: int,
    cqi_table: int,
) -> LinkQuality:
    carrier, covered = deployment.carrier, channel.groups.cells
    beam = maps["best_beam"].values[cell].ravel()[covered].astype(int)
    response = channel.beam_response(deployment.cells[cell], beam, turns)
    power = (np.abs(response) ** 2).sum(axis=1).astype(float)
    mean = power.mean(axis=1, keepdims=True)
    # Paths that cancel at the centre leave no shape; there the carrier counts as flat.
    shape = np.divide(power, mean, out=np.ones_like(power), where=mean > 0)
    sinr = from_decibel(maps["sinr"].values[cell].ravel()[covered].astype(float))
    return link_quality(sinr[:, None] * shape, carrier.resource_blocks, carrier.numerology, cqi_table)


def _spread(
    values: Shaped[np.ndarray, " group"], cells: Int[np.ndarray, " group"], rows: GridRows
) -> Float[np.ndarray, "y x"]:
    out = np.full(rows.count, np.nan)
    out[cells] = values
    return out.reshape(rows.shape)
