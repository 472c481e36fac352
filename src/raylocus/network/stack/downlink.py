"""Downlink of a batch of reports: levels with fading, detection, L3 filter, serving cell and neighbours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from raylocus.network.channel.channel import ChannelState
from raylocus.network.channel.links import Links
from raylocus.network.configuration import CoherentFading, NetworkConfiguration
from raylocus.network.random_streams import RandomSource
from raylocus.network.rrc.filtering import l3_filter
from raylocus.network.stack.cell_levels import CellMeasurements, detected_cells, measure_cells
from raylocus.network.stack.fading import beam_amplitudes, beam_fading_db, local_mean, ssb_kernel
from raylocus.scenes.sites import Deployment
from raylocus.units import energy_per_resource_element, to_decibel


@dataclass(frozen=True)
class Paths:
    """Paths from all sites, and their amplitudes through every beam."""

    links: Links
    amplitude: Complex[np.ndarray, "report cell receive beam path"]
    """Path amplitudes of every beam on the nominal maps."""

    @classmethod
    def of(cls, links: Links, antennas: Deployment) -> Paths:
        """The paths of links through the beams of antennas as they really are."""
        return cls(links, beam_amplitudes(links, antennas))

    def select(self, reports: Int[np.ndarray, " kept"]) -> Paths:
        """Those of some of the reports."""
        return Paths(self.links.select(reports), self.amplitude[reports])


@dataclass(frozen=True)
class Downlink:
    """What UEs receive, before anything is filtered or left out."""

    measured: CellMeasurements
    """RSRP, RSRQ and SINR of detected cells; NaN elsewhere."""
    rsrp_beam: Float[np.ndarray, "report cell beam"]
    """RSRP of every beam in one SSB [dBm]: what L1 sees, without the error of its measurement."""
    error: Float[np.ndarray, "report cell"]
    """Error of each cell's level in each report, all beams alike [dB]."""
    paths: Paths | None
    """Paths, where they were needed for the levels."""

    def select(self, reports: Int[np.ndarray, " kept"]) -> Downlink:
        """Some of the reports."""
        paths = None if self.paths is None else self.paths.select(reports)
        return Downlink(self.measured.select(reports), self.rsrp_beam[reports], self.error[reports], paths)

    @property
    def heard(self) -> Bool[np.ndarray, " report"]:
        """Reports in which the UE finds a cell at all."""
        return ~np.isnan(self.measured.rsrp).all(axis=1)


def receive(
    state: ChannelState,
    paths: Paths | None,
    velocity: Float[np.ndarray, "report 3"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> Downlink:
    """Levels at the UEs: the world's local means with measurement noise and, if it is coherent, the paths' fading.

    Cells for which the map has no path but that the world's scattering reaches have no fading structure; their
    level is the world's.
    """
    error = configuration.receiver_noise_db * random.standard_normal(state.rsrp_beam.shape[:2])
    layer_1 = layer_3 = state.rsrp_beam
    if paths is not None and isinstance(configuration.fading, CoherentFading):
        layer_3, layer_1 = (
            state.rsrp_beam + _fading_db(paths, velocity, deployment, configuration.ssb_period, occasions)
            for occasions in (configuration.fading.occasions, 1)
        )
    noisy = dataclasses.replace(state, rsrp_beam=layer_3 + error[:, :, None])
    measured = measure_cells(noisy, deployment.carrier, configuration.load, configuration.noise_figure_db)
    return Downlink(measured.masked(detected_cells(measured, configuration)), layer_1, error, paths)


def _fading_db(
    paths: Paths,
    velocity: Float[np.ndarray, "report 3"],
    deployment: Deployment,
    ssb_period: float,
    occasions: int,
) -> Float[np.ndarray, "report cell beam"]:
    kernel = ssb_kernel(paths.links, velocity, deployment, ssb_period, occasions)
    return np.nan_to_num(beam_fading_db(paths.amplitude, kernel))


def level_shift_db(
    state: ChannelState,
    amplitude: Complex[np.ndarray, "report cell receive beam path"],
    deployment: Deployment,
) -> Float[np.ndarray, "report cell"]:
    """How much stronger each cell is in this world than on the nominal maps [dB]; NaN without a path."""
    nominal = cell_energy(deployment)[:, None] + to_decibel(local_mean(amplitude))
    with np.errstate(all="ignore"):
        shift = np.nanmax(np.where(np.isnan(nominal), np.nan, state.rsrp_beam), axis=2, initial=-np.inf)
        best = np.nanmax(nominal, axis=2, initial=-np.inf)
    both = np.isfinite(shift) & np.isfinite(best)
    return np.where(both, np.where(both, shift, 0) - np.where(both, best, 0), np.nan)


def cell_energy(deployment: Deployment) -> Float[np.ndarray, " cell"]:
    """EPRE of every cell [dBm]."""
    blocks = deployment.carrier.resource_blocks
    return np.array([energy_per_resource_element(cell.power_dbm, blocks) for cell in deployment.cells])


def filtered(
    measured: CellMeasurements,
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    coefficient: int,
    period: float,
) -> CellMeasurements:
    """L3-filtered RSRP, RSRQ and SINR of every cell, with an L1 measurement each period [s]."""
    layers = np.concatenate([measured.rsrp, measured.rsrq, measured.sinr], axis=1)
    smooth = l3_filter(layers, time, report_offsets, coefficient, period)
    return CellMeasurements(*np.split(smooth, 3, axis=1))
