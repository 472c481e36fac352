"""Times of arrival on PRS and SRS: detected on the paths of the heard cells, or by the maps with noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.impulse_response import comb_frequencies, comb_response
from raylocus.network.phy.time_of_arrival import FirstPathDetector, first_path_delay, noisy_response
from raylocus.network.random_streams import RandomSource, ReportStreams
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.scenes.sites import Carrier
from raylocus.units import from_decibel, noise_per_resource_element

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
class Sent:
    """What the channel makes of a reference signal, its power apart."""

    response: Complex[np.ndarray, "report slot subcarrier"]
    """Frequency responses whose paths' powers sum to 1; 0 where there is no path."""
    frequencies: Float[np.ndarray, " subcarrier"]
    """Of the subcarriers, from the carrier [Hz]."""

    @classmethod
    def of(
        cls,
        delay: Float[np.ndarray, "report slot path"],
        amplitude: Complex[np.ndarray, "report slot path"],
        resource_blocks: int,
        numerology: int,
    ) -> Sent:
        """The channel of some paths.

        Args:
            delay: of the paths of each heard cell [s].
            amplitude: path amplitudes of each heard cell's best beam.
            resource_blocks: of the signal.
            numerology: μ.
        """
        frequencies = comb_frequencies(resource_blocks, numerology, DECIMATION)
        power = (np.abs(amplitude) ** 2).sum(axis=-1, keepdims=True)
        scaled = np.divide(amplitude, np.sqrt(power), out=np.zeros_like(amplitude), where=power > 0)
        return cls(comb_response(delay, scaled, frequencies), frequencies)


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

    @cached_property
    def _sent_prs(self) -> Sent:
        return self._sent(self.configuration.positioning_signal.resource_blocks)

    @cached_property
    def prs(self) -> Received:
        """PRS as the UE receives them."""
        noise = noise_per_resource_element(self.carrier.numerology, self.configuration.noise_figure_db)
        gain = 10 * np.log10(DECIMATION * self.configuration.positioning_signal.integration_gain())
        return _received(self._sent_prs, self.heard.rsrp - noise + gain, self.random.of("received"))

    @cached_property
    def srs(self) -> Received:
        """SRS as the sites receive them; its subcarriers are often those of PRS."""
        blocks = self.configuration.sounding_signal.resource_blocks
        same = blocks == self.configuration.positioning_signal.resource_blocks
        snr_db = self.heard.uplink_snr_db + 10 * np.log10(DECIMATION)
        return _received(self._sent_prs if same else self._sent(blocks), snr_db, self.random.of("sounded"))

    def _sent(self, resource_blocks: int) -> Sent:
        return Sent.of(self.delay, self.amplitude, resource_blocks, self.carrier.numerology)


def detected_delay(received: Received, detector: FirstPathDetector) -> Float[np.ndarray, "report slot"]:
    """First-path delays [s] that a receiver detects; NaN where it detects none."""
    spacing = float(received.frequencies[1] - received.frequencies[0])
    found = first_path_delay(received.response, np.nan_to_num(received.noise, nan=1.0), spacing, detector)
    return np.where(np.isnan(received.noise), np.nan, found)


def map_delay(
    delay: Float[np.ndarray, "report slot"], noise: float, random: RandomSource
) -> Float[np.ndarray, "report slot"]:
    """First-path delays [s] with Gaussian noise of this standard deviation [s]; NaN stays NaN."""
    return delay + noise * random.standard_normal(delay.shape)


def _received(sent: Sent, snr_db: Float[np.ndarray, "report slot"], random: RandomSource) -> Received:
    """Responses with the noise of an SNR per subcarrier [dB]."""
    present = (sent.response != 0).any(axis=-1) & ~np.isnan(snr_db)
    noise = np.where(present, from_decibel(-np.nan_to_num(snr_db)), 1.0).astype(np.float32)
    received = noisy_response(sent.response, noise[..., None], random).astype(np.complex64)
    return Received(received, np.where(present, noise, np.nan), sent.frequencies)
