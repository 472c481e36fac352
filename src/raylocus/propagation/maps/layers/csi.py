"""Layers that summarise the channel matrix between a cell's panel and the UE's antenna, summed over coherent paths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Complex, Float, Int

from raylocus.propagation.antennas.antennas import phasor
from raylocus.propagation.antennas.panels import (
    Panel,
    polarization_responses,
    port_responses,
    sector_panel,
    separate_phases,
    ssb_codebook,
)
from raylocus.propagation.atlas.atlas import GridRows, PathAtlas
from raylocus.propagation.atlas.ue_paths import reaches_centre
from raylocus.propagation.maps.radio_maps import Layer, as_dataset
from raylocus.propagation.maps.site_channel import GroundCellGroups, SiteChannel
from raylocus.scenes.sites import Cell, Deployment
from raylocus.units import SPEED_OF_LIGHT, to_decibel


class CoherentChannel:
    """Paths of one site with complex fields at a UE's ports; single precision, for whole grids."""

    def __init__(self, channel: SiteChannel, receiver: Panel):
        """Computes the field of every path at the UE.

        Args:
            channel: the site's paths.
            receiver: the UE's panel.
        """
        self.paths, self.groups = channel.paths, channel.groups
        turns = (self.paths.length / channel.wavelength) % 1
        weight = phasor((-2 * np.pi * turns).astype(np.float32))
        weight *= _present(self.paths, self.groups)
        matrix = np.moveaxis(channel.matrix, 0, -1) * weight
        response = np.moveaxis(port_responses(receiver, -self.paths.arrival), 0, -1)
        #: Field of every path at each receive port, of a θ̂ or a φ̂ departure.
        self._received = response[:, 0, None] * matrix[0] + response[:, 1, None] * matrix[1]

    def ports(self, cell: Cell) -> Complex[np.ndarray, "group receive transmit"]:
        """Channel matrix of each covered ground cell at the carrier's centre, for the cell's own panel."""
        across, upward = separate_phases(sector_panel(cell), self.paths.departure)
        columns, couplings = np.ascontiguousarray(across.T), self._couplings(cell)
        shape = len(self.groups.cells), *couplings.shape[:2], len(across), len(upward)
        matrix = np.empty(shape, np.complex64)
        for receive, sent, row in np.ndindex(shape[1], shape[2], shape[4]):
            weights = couplings[receive, sent] * upward[row]
            matrix[:, receive, sent, :, row] = self.groups.weighted(weights) @ columns
        return matrix.reshape(*shape[:2], math.prod(shape[2:]))

    def delay_turns(
        self, frequencies: Float[np.ndarray, " frequency"]
    ) -> Complex[np.ndarray, "path frequency"]:
        """exp(−j2πfτ) of every path at equally spaced frequencies [Hz]."""
        delay = self.paths.length / SPEED_OF_LIGHT
        first, step = (
            phasor((-2 * np.pi * (each * delay % 1)).astype(np.float32))
            for each in (frequencies[0], np.diff(frequencies[:2]).sum())
        )
        turns = np.empty((len(delay), len(frequencies)), np.complex64)
        for index in range(len(frequencies)):
            turns[:, index] = first
            first = first * step
        return turns

    def beam_response(
        self, cell: Cell, beam: Int[np.ndarray, " group"], turns: Complex[np.ndarray, "path frequency"]
    ) -> Complex[np.ndarray, "group branch frequency"]:
        """Response of each covered ground cell's own SSB beam over frequency.

        Args:
            cell: the cell.
            beam: index of the beam that each covered ground cell uses.
            turns: see `delay_turns`.

        Returns:
            A branch is a pair of receive port and sent polarisation.
        """
        across, upward = separate_phases(sector_panel(cell), self.paths.departure)
        # An SSB beam has one weight a column, so the rows only add up.
        weights = ssb_codebook(cell.array)[:, :: cell.array.rows].astype(np.complex64).T
        own = self.groups.repeat(beam)
        steered = upward.sum(axis=0) * sum(
            phase * weight[own] for phase, weight in zip(across, weights, strict=True)
        )
        branches = (self._couplings(cell) * steered).reshape(-1, self.groups.paths)
        return np.stack([self.groups.weighted(branch) @ turns for branch in branches], axis=1)

    def _couplings(self, cell: Cell) -> Complex[np.ndarray, "receive polarization path"]:
        sent = np.moveaxis(polarization_responses(sector_panel(cell), self.paths.departure), 0, -1)
        received = self._received
        return received[:, 0, None] * sent[:, 0] + received[:, 1, None] * sent[:, 1]


def _present(paths: PathAtlas, groups: GroundCellGroups) -> Float[np.ndarray, " path"]:
    """1 for paths that reach their ground cell's centre, 0 for the others; the visible share where none does."""
    present = reaches_centre(paths).astype(np.float32)
    some = groups.total(present) > 0
    return np.where(groups.repeat(some), present, paths.visible)


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
