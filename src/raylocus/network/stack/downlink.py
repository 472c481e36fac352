"""Downlink of a batch of reports: levels with fading, detection, L3 filter, serving cell and neighbours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from raylocus.network.chance import Chance
from raylocus.network.channel import ChannelState
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.cell_levels import CellMeasurements, detected_cells, measure_cells
from raylocus.network.rrc.filtering import l3_filter
from raylocus.network.stack.fading import beam_amplitudes, beam_fading_db, local_mean, ssb_kernel
from raylocus.network.stack.links import Links
from raylocus.scenes.sites import Deployment
from raylocus.units import energy_per_resource_element, to_decibel


@dataclass(frozen=True)
class Downlink:
    """What UEs receive, before anything is filtered or left out."""

    measured: CellMeasurements
    """RSRP, RSRQ and SINR of detected cells; NaN elsewhere."""
    rsrp_beam: Float[np.ndarray, "report cell beam"]
    """RSRP of every beam in one SSB [dBm]: what L1 sees."""
    amplitude: Complex[np.ndarray, "report cell receive beam path"]
    """Path amplitudes of every beam on the nominal maps."""
    shift_db: Float[np.ndarray, "report cell"]
    """How much stronger each cell is in this world than on the nominal maps [dB]; NaN without a path."""

    def select(self, reports: Int[np.ndarray, "kept"]) -> Downlink:
        """Some of the reports."""
        measured = CellMeasurements(
            *(each[reports] for each in (self.measured.rsrp, self.measured.rsrq, self.measured.sinr))
        )
        return Downlink(measured, self.rsrp_beam[reports], self.amplitude[reports], self.shift_db[reports])

    @property
    def heard(self) -> Bool[np.ndarray, "report"]:
        """Reports in which the UE finds a cell at all."""
        return ~np.isnan(self.measured.rsrp).all(axis=1)


def receive(
    links: Links,
    state: ChannelState,
    velocity: Float[np.ndarray, "report 3"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
    chance: Chance,
) -> Downlink:
    """Levels at the UEs: the world's local means with the fading of the paths and measurement noise.

    Cells that the map calls dark but that the world's scattering reaches have no fading structure; their
    level is the world's.
    """
    amplitude = beam_amplitudes(links, deployment)
    kernels = [
        ssb_kernel(links, velocity, deployment, configuration.ssb_period, occasions)
        for occasions in (getattr(configuration.fading, "occasions", 5), 1)
    ]
    layer_3, layer_1 = (
        state.rsrp_beam + np.nan_to_num(beam_fading_db(amplitude, kernel)) for kernel in kernels
    )
    noise = configuration.receiver_noise_db * chance.standard_normal(state.rsrp_beam.shape[:2])
    noisy = dataclasses.replace(state, rsrp_beam=layer_3 + noise[:, :, None])
    measured = measure_cells(noisy, deployment.carrier, configuration.load, configuration.noise_figure_db)
    energy = cell_energy(deployment)
    nominal = energy[:, None] + to_decibel(local_mean(amplitude))
    with np.errstate(all="ignore"):
        shift = np.nanmax(np.where(np.isnan(nominal), np.nan, state.rsrp_beam), axis=2, initial=-np.inf)
        best = np.nanmax(nominal, axis=2, initial=-np.inf)
    both = np.isfinite(shift) & np.isfinite(best)
    return Downlink(
        measured.masked(detected_cells(measured, configuration)),
        layer_1,
        amplitude,
        np.where(both, np.where(both, shift, 0) - np.where(both, best, 0), np.nan),
    )


def cell_energy(deployment: Deployment) -> Float[np.ndarray, "cell"]:
    """EPRE of every cell [dBm]."""
    blocks = deployment.carrier.resource_blocks
    return np.array([energy_per_resource_element(cell.power_dbm, blocks) for cell in deployment.cells])


def filtered(
    measured: CellMeasurements,
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    coefficient: int,
    period: float,
) -> CellMeasurements:
    """L3-filtered RSRP, RSRQ and SINR of every cell, with an L1 measurement each period [s]."""
    layers = (measured.rsrp, measured.rsrq, measured.sinr)
    return CellMeasurements(
        *(l3_filter(layer, time, report_offsets, coefficient, period) for layer in layers)
    )
