"""Power delay profile of the serving cell as the gNB samples it on SRS (Rel-19 sample-based measurements)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Complex, Float

from raylocus.network.configuration import NetworkConfiguration
from raylocus.network.phy.impulse_response import channel_taps, power_delay_profile
from raylocus.network.random_streams import RandomSource, complex_normal
from raylocus.units import (
    SUBCARRIERS_PER_RESOURCE_BLOCK,
    from_decibel,
    subcarrier_spacing,
    to_decibel,
)

#: Taps that are reported, 1/B apart from the detected first path on, and those that their powers are relative to.
REPORTED_TAPS, PROFILE_TAPS = 4, 16


@dataclass(frozen=True)
class DelayProfile:
    """Power of taps 0 to 3 relative to the whole profile [dB]; NaN where no path is detected."""

    ROWS: ClassVar = ("pdp_0", "pdp_1", "pdp_2", "pdp_3")

    pdp_0: Float[np.ndarray, " report"]
    pdp_1: Float[np.ndarray, " report"]
    pdp_2: Float[np.ndarray, " report"]
    pdp_3: Float[np.ndarray, " report"]


def delay_profile(
    delay: Float[np.ndarray, "report path"],
    amplitude: Complex[np.ndarray, "report path"],
    first: Float[np.ndarray, " report"],
    snr_db: Float[np.ndarray, " report"],
    numerology: int,
    configuration: NetworkConfiguration,
    random: RandomSource,
) -> DelayProfile:
    """The profile of every report.

    Args:
        delay: of the paths to the serving cell [s]; NaN where there is none.
        amplitude: of the paths.
        first: delay of the path that the gNB detected first [s].
        snr_db: SNR of SRS in one resource element [dB].
        numerology: μ.
        configuration: SRS, whose bandwidth B spaces the taps.
        random: source of all random numbers.
    """
    subcarriers = SUBCARRIERS_PER_RESOURCE_BLOCK * configuration.sounding_signal.resource_blocks
    bandwidth = subcarriers * subcarrier_spacing(numerology)
    known = ~np.isnan(first) & ~np.isnan(snr_db)
    taps = channel_taps(delay, amplitude, bandwidth, PROFILE_TAPS, np.nan_to_num(first))
    power = np.sum(np.abs(taps) ** 2, axis=-1, keepdims=True)
    # The subcarriers' noise is spread over as many taps as there are subcarriers.
    pilots = subcarriers / configuration.sounding_signal.comb
    noise = np.sqrt(from_decibel(-np.nan_to_num(snr_db)) / pilots)[:, None] * complex_normal(
        taps.shape, random
    )
    scaled = np.divide(taps, np.sqrt(power), out=np.zeros_like(taps), where=power > 0)
    profile = power_delay_profile((scaled + noise)[None])
    share = profile / profile.sum(axis=-1, keepdims=True)
    seen = np.where((known & (power[:, 0] > 0))[:, None], to_decibel(share), np.nan)
    return DelayProfile(*seen[:, :REPORTED_TAPS].T)
