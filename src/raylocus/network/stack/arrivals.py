"""Times of arrival on PRS and SRS: detected on the paths of the heard cells, or by the maps with noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.impulse_response import comb_frequencies, comb_response
from raylocus.network.phy.time_of_arrival import FirstPathDetector, first_path_delay, noisy_response
from raylocus.network.random_streams import RandomSource, ReportStreams
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.scenes.sites import Carrier
from raylocus.units import from_decibel, noise_per_resource_element, to_decibel

#: Every this many subcarriers are worked with: delays up to 1/(4Δf) stay unambiguous, and the power of the
#: others is counted as integration gain.
DECIMATION = 4


@dataclass(frozen=True)
class Arrivals:
    """First paths as they are measured; NaN where none is."""

    downlink: Float[np.ndarray, "report slot"]
    """Delay of each cell's PRS at the UE [s]."""
    uplink: Float[np.ndarray, "report slot"]
    """Delay of the UE's SRS at each cell [s]."""


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
        snr_db = self.heard.uplink_snr_db + to_decibel(DECIMATION)
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
