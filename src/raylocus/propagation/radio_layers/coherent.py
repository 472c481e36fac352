"""The coherent channel at every ground cell's centre, summed over paths as sparse products."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int
from scipy.sparse import csr_matrix

from raylocus.propagation.cell_statistics import GroundCellGroups
from raylocus.propagation.codebooks import ssb_codebook
from raylocus.propagation.panels import (
    Panel,
    polarization_responses,
    port_responses,
    sector_panel,
    separate_phases,
)
from raylocus.propagation.site_channel import SiteChannel
from raylocus.propagation.ue_paths import PRESENT_SHARE
from raylocus.scenes.sites import Cell
from raylocus.units import SPEED_OF_LIGHT


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
        weight = _present(self.paths.visible, self.groups) * np.exp(-2j * np.pi * turns)
        seen, self._departure = -self.paths.arrival.astype(float), self.paths.departure.astype(float)
        matrix = channel.matrix * weight[:, None, None].astype(np.complex64)
        #: (receive port, θ̂ or φ̂ of departure) of every path.
        self._received = port_responses(receiver, seen).astype(np.complex64) @ matrix

    def ports(self, cell: Cell) -> Complex[np.ndarray, "group receive transmit"]:
        """Channel matrix of each lit ground cell at the carrier's centre, for the cell's own panel."""
        across, upward = (
            part.astype(np.complex64) for part in separate_phases(sector_panel(cell), self._departure)
        )
        phases = (across[:, :, None] * upward[:, None, :]).reshape(len(across), -1)
        couplings = self._couplings(cell)
        parts = [
            np.stack([self._summed(coupling) @ phases for coupling in couplings[:, :, sent].T], axis=1)
            for sent in range(couplings.shape[2])
        ]
        return np.concatenate(parts, axis=2)

    def delay_turns(
        self, frequencies: Float[np.ndarray, "frequency"]
    ) -> Complex[np.ndarray, "path frequency"]:
        """exp(−j2πfτ) of every path at equally spaced frequencies [Hz]."""
        delay = self.paths.length / SPEED_OF_LIGHT
        step = np.exp(-2j * np.pi * np.diff(frequencies[:2]).sum() * delay)
        turns = np.empty((len(delay), len(frequencies)), np.complex64)
        current = np.exp(-2j * np.pi * frequencies[0] * delay)
        for index in range(len(frequencies)):
            turns[:, index] = current
            current = current * step
        return turns

    def beam_response(
        self, cell: Cell, beam: Int[np.ndarray, "group"], turns: Complex[np.ndarray, "path frequency"]
    ) -> Complex[np.ndarray, "group branch frequency"]:
        """Response of each lit ground cell's own SSB beam over frequency.

        Args:
            cell: the cell.
            beam: index of the beam that each lit ground cell uses.
            turns: see `delay_turns`.

        Returns:
            A branch is a pair of receive port and sent polarisation.
        """
        own = self.groups.repeat(beam)
        across, upward = separate_phases(sector_panel(cell), self._departure)
        # An SSB beam has one weight a column, so the rows only add up.
        weights = ssb_codebook(cell.array)[:, :: cell.array.rows][own]
        steered = np.einsum("pc,pc->p", across, weights) * upward.sum(axis=1)
        branches = (self._couplings(cell) * steered[:, None, None].astype(np.complex64)).reshape(len(own), -1)
        return np.stack([self._summed(branch) @ turns for branch in branches.T], axis=1)

    def _couplings(self, cell: Cell) -> Complex[np.ndarray, "path receive polarization"]:
        sent = polarization_responses(sector_panel(cell), self._departure).astype(np.float32)
        return self._received @ np.swapaxes(sent, 1, 2)

    def _summed(self, weights: Complex[np.ndarray, "path"]) -> csr_matrix:
        """The sparse matrix that sums weighted paths of each lit ground cell."""
        bounds = np.append(self.groups.starts, self.groups.paths)
        shape = len(self.groups.cells), self.groups.paths
        return csr_matrix((weights, np.arange(self.groups.paths), bounds), shape)


def _present(visible: Float[np.ndarray, "path"], groups: GroundCellGroups) -> Float[np.ndarray, "path"]:
    """1 for paths that reach most of their ground cell and 0 for the others; the share itself where none does."""
    present = (visible >= PRESENT_SHARE).astype(float)
    some = groups.total(present) > 0
    return np.where(groups.repeat(some), present, visible)
