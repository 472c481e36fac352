"""Beam codebooks: any set of weights is a set of gains on the departure direction, without a new trace."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from raylocus.propagation.antennas.antennas import beam_azimuths
from raylocus.propagation.antennas.panels import (
    Panel,
    array_phases,
    element_positions,
    polarization_responses,
)
from raylocus.scenes.sites import AntennaArray


def dft_codebook(
    rows: int, columns: int, row_oversampling: int = 1, column_oversampling: int = 1
) -> Complex[np.ndarray, "beam element"]:
    """The DFT beams of 38.214 §5.2.2.2.1: Kronecker products of oversampled DFT vectors, unit norm.

    Beam l·O_z·rows + m is the product of column vector l and row vector m. Elements are in the order of
    `panels`; the weight of an element multiplies the signal that it sends.
    """
    across = _dft_vectors(columns, column_oversampling)
    upward = _dft_vectors(rows, row_oversampling)
    return np.einsum("lc,mr->lmcr", across, upward).reshape(len(across) * len(upward), columns * rows)


def ssb_codebook(array: AntennaArray) -> Complex[np.ndarray, "beam element"]:
    """Weights of the SSB beams: columns steered to each beam's azimuth, rows in phase, unit norm."""
    y, _ = element_positions(Panel(array.rows, array.columns)).T
    steer = np.sin(beam_azimuths(array))
    return np.exp(-2j * np.pi * steer[:, None] * y) / np.sqrt(len(y))


def codebook_gains(
    panel: Panel, weights: Complex[np.ndarray, "beam element"], direction: Float[np.ndarray, "path 3"]
) -> Float[np.ndarray, "path beam"]:
    """Linear power gain of each beam towards each direction, the polarisation's turn included.

    The same weights on every polarisation, whose powers are averaged: a port is a mixture of both.
    """
    field = (polarization_responses(panel, direction) ** 2).sum(axis=-1).mean(axis=-1)
    return field[:, None] * np.abs(array_phases(panel, direction) @ weights.T) ** 2


def _dft_vectors(elements: int, oversampling: int) -> Complex[np.ndarray, "beam element"]:
    beam = np.arange(elements * oversampling)
    turns = np.outer(beam, np.arange(elements)) / (elements * oversampling)
    return np.exp(2j * np.pi * turns) / np.sqrt(elements)
