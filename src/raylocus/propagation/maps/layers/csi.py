"""Layers that summarise the channel matrix between a cell's panel and the UE's antenna."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float

from raylocus.propagation.atlas.atlas import GridRows
from raylocus.propagation.maps.layers.coherent import CoherentChannel
from raylocus.propagation.maps.radio_maps import Layer, as_dataset
from raylocus.scenes.sites import Deployment
from raylocus.units import to_decibel

#: Singular values within this of the largest count for the rank [dB].
RANK_RANGE_DB = 20.0
#: Ground cells whose matrices stay in the processor's cache.
CACHED_CELLS = 2048

LAYERS = (
    Layer(
        "singular_value", ("cell", "stream", "y", "x"), "dB", "singular values of the channel matrix, falling"
    ),
    Layer("condition_number", ("cell", "y", "x"), "dB", "largest singular value over the smallest"),
    Layer("rank", ("cell", "y", "x"), "1", f"singular values within {RANK_RANGE_DB:g} dB of the largest"),
)


def csi_layers(channels: Sequence[CoherentChannel], deployment: Deployment, rows: GridRows) -> xr.Dataset:
    """`LAYERS` of every cell, at the ground cells' centres and the carrier's centre frequency.

    Args:
        channels: coherent channels of every site to the UE's antenna.
        deployment: cells with their panels.
        rows: the ground cells.
    """
    values = np.stack([_singular_values(channels[cell.site], deployment, index, rows)
                       for index, cell in enumerate(deployment.cells)])  # fmt: skip
    relative = values - values[:, :1]
    rank = np.where(np.isnan(values[:, 0]), np.nan, np.sum(relative >= -RANK_RANGE_DB, axis=1))
    layers = {
        "singular_value": values,
        # A vanished singular value is missing, and so is what it would be divided by.
        "condition_number": -relative[:, -1],
        "rank": rank,
    }
    shaped = {name: layer.reshape(*layer.shape[:-1], *rows.shape) for name, layer in layers.items()}
    return as_dataset(shaped, rows, LAYERS)


def _singular_values(
    channel: CoherentChannel, deployment: Deployment, cell: int, rows: GridRows
) -> Float[np.ndarray, "stream ground_cell"]:
    """Falling, in dB of power gain; those that vanish in single precision are NaN."""
    matrix = channel.ports(deployment.cells[cell])
    blocks = (matrix[start : start + CACHED_CELLS] for start in range(0, max(len(matrix), 1), CACHED_CELLS))
    squared = np.concatenate([_squared_singular_values(block.astype(complex)) for block in blocks])
    squared = np.where(squared > 1e-12 * squared[:, :1], squared, 0.0)
    out = np.full((squared.shape[1], rows.count), np.nan)
    out[:, channel.groups.cells] = to_decibel(squared).T
    return out


def _squared_singular_values(
    matrix: Complex[np.ndarray, "ground_cell receive transmit"],
) -> Float[np.ndarray, "ground_cell receive"]:
    """Falling."""
    return np.linalg.eigvalsh(matrix @ np.swapaxes(matrix.conj(), 1, 2))[:, ::-1]
