"""The cells that a report names, the levels that positioning works at, and times of arrival on PRS and SRS."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Int

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.mac.uplink import needed_power
from raylocus.network.phy.impulse_response import comb_frequencies, comb_response
from raylocus.network.phy.time_of_arrival import FirstPathDetector, first_path_delay, noisy_response
from raylocus.network.random_streams import RandomSource, ReportStreams
from raylocus.network.rrc.handover import HandoverHistory, neighbour_cells
from raylocus.network.stack.cell_levels import CellMeasurements
from raylocus.propagation.maps.path_loss import cell_energy
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    noise_per_resource_element,
    to_decibel,
)


@dataclass(frozen=True)
class HeardCells:
    """The cells of each report, serving first, and the levels that positioning works at."""

    cells: Int[np.ndarray, "report slot"]
    """Cell indices; −1 where there is none."""
    rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam, as it is."""
    uplink_snr_db: Float[np.ndarray, "report slot"]
    """SNR of SRS in one resource element at the gNB, its array combined [dB]."""
    measured_rsrp: Float[np.ndarray, "report slot"]
    """RSRP [dBm] of the best beam in one occasion as the UE measures it, biased and noisy."""
    measured_snr_db: Float[np.ndarray, "report slot"]
    """The uplink SNR as the gNB estimates it [dB]."""
    uplink_rsrp: Float[np.ndarray, "report slot"]
    """UL SRS-RSRP [dBm] of one column as the gNB measures it."""
    boresight: Float[np.ndarray, "report slot"]
    """Azimuth that the operator believes each cell's antenna to have [rad]."""


def named_cells(
    rsrp: Float[np.ndarray, "report cell"],
    history: HandoverHistory,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> Int[np.ndarray, "report slot"]:
    """The serving cell and the neighbours that are reported; −1 where there is none.

    Levels are L3-filtered [dBm]; NaN where a cell is not measured.
    """
    named = random.random(rsrp.shape) >= configuration.neighbour_dropout
    most = configuration.report.most_neighbours
    neighbours = neighbour_cells(np.where(named, rsrp, np.nan), history.serving, most)
    return np.concatenate([history.serving[:, None], neighbours], axis=1)


def heard_cells(
    cells: Int[np.ndarray, "report slot"],
    mean_rsrp: Float[np.ndarray, "report cell beam"],
    single_rsrp: Float[np.ndarray, "report cell beam"],
    levels: CellMeasurements,
    deployment: Deployment,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> HeardCells:
    """Down- and uplink levels of the cells of each report.

    Levels [dBm] of every beam are the mean and those of one SSB, with the UE's own error; by L3-filtered ones the
    UE sets its power.
    """
    held, exists = np.maximum(cells, 0), cells >= 0
    rsrp = np.where(exists, np.take_along_axis(np.fmax.reduce(mean_rsrp, axis=2), held, axis=1), np.nan)
    single = np.where(exists, np.take_along_axis(np.fmax.reduce(single_rsrp, axis=2), held, axis=1), np.nan)
    error = configuration.receiver_noise_db * random.standard_normal((*cells.shape, 2))
    power = _sounding_power(levels.rsrp, cells[:, 0], deployment, configuration)
    uplink = power[:, None] + rsrp - cell_energy(deployment)[held]
    noise = noise_per_resource_element(
        deployment.carrier.numerology, configuration.base_station_noise_figure_db
    )
    columns = np.array([cell.array.columns for cell in deployment.cells])[held]
    return HeardCells(
        cells=cells,
        rsrp=rsrp,
        uplink_snr_db=uplink - noise,
        measured_rsrp=np.where(np.isnan(rsrp), np.nan, single + error[..., 0]),
        measured_snr_db=uplink + error[..., 1] - noise,
        uplink_rsrp=uplink + error[..., 1] - 10 * np.log10(columns),
        boresight=np.array([cell.azimuth for cell in deployment.cells])[held],
    )


def best_amplitudes(
    amplitude: Complex[np.ndarray, "report cell receive beam path"], cells: Int[np.ndarray, "report slot"]
) -> Complex[np.ndarray, "report slot path"]:
    """Path amplitudes of the strongest beam of every heard cell, vertical at the UE."""
    own = amplitude[np.arange(len(cells))[:, None], np.maximum(cells, 0), 0]
    strongest = (np.abs(own) ** 2).sum(axis=-1).argmax(axis=-1)
    return np.take_along_axis(own, strongest[:, :, None, None], axis=2)[:, :, 0]


def _sounding_power(
    rsrp: Float[np.ndarray, "report cell"],
    serving: Int[np.ndarray, " report"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
) -> Float[np.ndarray, " report"]:
    """Power of one resource element of SRS [dBm], by the power control of the serving cell."""
    carrier, sounding = deployment.carrier, configuration.sounding_signal
    loss = cell_energy(deployment)[serving] - rsrp[np.arange(len(serving)), serving]
    control = configuration.power_control
    power = needed_power(loss, sounding.resource_blocks, carrier.numerology, control)
    power = np.minimum(control.maximum_dbm, power)
    return power - 10 * np.log10(SUBCARRIERS_PER_RESOURCE_BLOCK * sounding.resource_blocks / sounding.comb)


#: Every this many subcarriers are worked with: delays up to 1/(4Δf) stay unambiguous, and the power of the
#: others is counted as integration gain.
DECIMATION = 4


@dataclass(frozen=True)
class Received:
    """A reference signal as it is received on its subcarriers."""

    response: Complex[np.ndarray, "report slot subcarrier"]
    """With noise."""
    noise: Float[np.ndarray, "report slot"]
    """Of each subcarrier, in units of the response; NaN where nothing comes."""
    frequencies: Float[np.ndarray, " subcarrier"]
    """Of the subcarriers, from the carrier [Hz]."""


@dataclass(frozen=True)
class ReferenceSignals:
    """PRS of the heard cells at the UE and its SRS at them, each computed when it is first asked for."""

    delay: Float[np.ndarray, "report slot path"]
    """Of the paths of each heard cell [s]."""
    amplitude: Complex[np.ndarray, "report slot path"]
    """Path amplitudes of each heard cell's best beam."""
    heard: HeardCells
    carrier: Carrier
    configuration: NetworkConfiguration
    random: ReportStreams
    _responses: dict[int, Complex[np.ndarray, "report slot subcarrier"]] = field(default_factory=dict)

    @cached_property
    def prs(self) -> Received:
        """PRS as the UE receives them."""
        signal = self.configuration.positioning_signal
        noise = noise_per_resource_element(self.carrier.numerology, self.configuration.noise_figure_db)
        snr_db = self.heard.rsrp - noise + to_decibel(DECIMATION * signal.integration_gain())
        return self._received(signal.resource_blocks, snr_db, self.random.of("received"))

    @cached_property
    def srs(self) -> Received:
        """SRS as the sites receive them."""
        snr_db = self.heard.uplink_snr_db + to_decibel(float(DECIMATION))
        blocks = self.configuration.sounding_signal.resource_blocks
        return self._received(blocks, snr_db, self.random.of("sounded"))

    def _received(
        self, resource_blocks: int, snr_db: Float[np.ndarray, "report slot"], random: RandomSource
    ) -> Received:
        """Responses with the noise of an SNR per subcarrier [dB]."""
        frequencies = comb_frequencies(resource_blocks, self.carrier.numerology, DECIMATION)
        response = self._response(frequencies)
        present = (response != 0).any(axis=-1) & ~np.isnan(snr_db)
        noise = np.where(present, from_decibel(-np.nan_to_num(snr_db)), 1.0).astype(np.float32)
        received = noisy_response(response, noise[..., None], random).astype(np.complex64)
        return Received(received, np.where(present, noise, np.nan), frequencies)

    def _response(
        self, frequencies: Float[np.ndarray, " subcarrier"]
    ) -> Complex[np.ndarray, "report slot subcarrier"]:
        """Frequency responses whose paths' powers sum to 1; those of PRS and SRS are often the same."""
        if len(frequencies) not in self._responses:
            power = (np.abs(self.amplitude) ** 2).sum(axis=-1, keepdims=True)
            scaled = np.divide(
                self.amplitude, np.sqrt(power), out=np.zeros_like(self.amplitude), where=power > 0
            )
            self._responses[len(frequencies)] = comb_response(self.delay, scaled, frequencies)
        return self._responses[len(frequencies)]


def detected_delay(received: Received, detector: FirstPathDetector) -> Float[np.ndarray, "report slot"]:
    """First-path delays [s] that a receiver detects; NaN where it detects none."""
    spacing = float(received.frequencies[1] - received.frequencies[0])
    found = first_path_delay(received.response, np.nan_to_num(received.noise, nan=1.0), spacing, detector)
    return np.where(np.isnan(received.noise), np.nan, found)
