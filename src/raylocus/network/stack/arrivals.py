"""Times of arrival that receivers detect on PRS and SRS, from the paths of the heard cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.chance import Chance
from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.frequency_response import comb_frequencies, comb_response
from raylocus.network.phy.time_of_arrival import FirstPathDetector, first_path_delay, noisy_response
from raylocus.network.stack.heard_cells import HeardCells
from raylocus.network.stack.links import Links
from raylocus.scenes.sites import Deployment
from raylocus.units import from_decibel, noise_per_resource_element

#: Every this many subcarriers are worked with: delays up to 1/(4Δf) stay unambiguous, and the power of the
#: others is counted as integration gain.
DECIMATION = 4


@dataclass(frozen=True)
class Arrivals:
    """First paths as they are detected; NaN where none is."""

    downlink: Float[np.ndarray, "report slot"]
    """Delay of each cell's PRS at the UE [s]."""
    uplink: Float[np.ndarray, "report slot"]
    """Delay of the UE's SRS at each cell [s]."""
    received: Complex[np.ndarray, "report slot subcarrier"]
    """PRS as the UE received it."""
    frequencies: Float[np.ndarray, "subcarrier"]
    """Of the subcarriers, from the carrier [Hz]."""


def detected_arrivals(
    links: Links,
    heard: HeardCells,
    amplitude: Complex[np.ndarray, "report slot path"],
    deployment: Deployment,
    configuration: NetworkConfiguration,
    chance: Chance,
) -> Arrivals:
    """Times of arrival of the heard cells, in both directions.

    Args:
        links: paths of all sites.
        heard: cells and levels.
        amplitude: path amplitudes of each heard cell's best beam.
        deployment: sites and cells.
        configuration: signals and detector.
        chance: source of all chance.
    """
    site = deployment.site_of_cell[np.maximum(heard.cells, 0)]
    delay = np.take_along_axis(links.delay, site[..., None], axis=1)
    delay = np.where((heard.cells >= 0)[..., None], delay, np.nan)
    carrier, signal = deployment.carrier, configuration.positioning_signal
    frequencies = comb_frequencies(signal.resource_blocks, carrier.numerology, DECIMATION)
    response = _unit_response(delay, amplitude, frequencies)
    noise = noise_per_resource_element(carrier.numerology, configuration.noise_figure_db)
    gain = 10 * np.log10(DECIMATION * signal.integration_gain())
    spacing, detector = (
        float(frequencies[1] - frequencies[0]),
        getattr(configuration.timing, "detector", FirstPathDetector(oversampling=4)),
    )
    received, snr = _received(response, heard.rsrp - noise + gain, chance)
    sounded, uplink_snr = _received(response, heard.uplink_snr_db + 10 * np.log10(DECIMATION), chance)
    return Arrivals(
        downlink=_detected(received, snr, spacing, detector),
        uplink=_detected(sounded, uplink_snr, spacing, detector),
        received=received,
        frequencies=frequencies,
    )


def _unit_response(
    delay: Float[np.ndarray, "report slot path"],
    amplitude: Complex[np.ndarray, "report slot path"],
    frequencies: Float[np.ndarray, "subcarrier"],
) -> Complex[np.ndarray, "report slot subcarrier"]:
    """Frequency responses whose paths' powers sum to 1; 0 where there is no path."""
    power = (np.abs(amplitude) ** 2).sum(axis=-1, keepdims=True)
    scaled = np.divide(amplitude, np.sqrt(power), out=np.zeros_like(amplitude), where=power > 0)
    return comb_response(delay, scaled, frequencies)


def _received(
    response: Complex[np.ndarray, "report slot subcarrier"],
    snr_db: Float[np.ndarray, "report slot"],
    chance: Chance,
) -> tuple[Complex[np.ndarray, "report slot subcarrier"], Float[np.ndarray, "report slot"]]:
    """Responses with the noise of an SNR per subcarrier [dB], and that noise; NaN noise where nothing comes."""
    lit = (response != 0).any(axis=-1) & ~np.isnan(snr_db)
    noise = np.where(lit, from_decibel(-np.nan_to_num(snr_db)), 1.0).astype(np.float32)
    received = noisy_response(response, noise[..., None], chance).astype(np.complex64)
    return received, np.where(lit, noise, np.nan)


def _detected(
    received: Complex[np.ndarray, "report slot subcarrier"],
    noise: Float[np.ndarray, "report slot"],
    spacing: float,
    detector: FirstPathDetector,
) -> Float[np.ndarray, "report slot"]:
    """First-path delays [s] that a receiver detects."""
    found = first_path_delay(received, np.nan_to_num(noise, nan=1.0), spacing, detector)
    return np.where(np.isnan(noise), np.nan, found)
