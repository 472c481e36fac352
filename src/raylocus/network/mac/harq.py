"""HARQ: block errors of every transmission, what they leave and the time they cost (TS 38.321 §5.3.2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from raylocus.propagation.link_abstraction.error_curves import block_error_rate
from raylocus.propagation.link_abstraction.modulation_tables import ModulationTable
from raylocus.units import slot_duration

#: Transmissions of a transport block before HARQ gives it up to RLC.
MOST_TRANSMISSIONS = 4
#: Time from a transmission to its retransmission [slots]: a usual k1 + scheduling delay, not a rule.
ROUND_TRIP_SLOTS = 8


def transmission_error_rates(
    sinr_db: Float[np.ndarray, " report"], mcs: Int[np.ndarray, " report"], table: ModulationTable
) -> Float[np.ndarray, "report transmission"]:
    """BLER of transmission 1, 2, … of a block with chase combining: SINR grows by 10·log10 n."""
    gain = 10 * np.log10(np.arange(1, MOST_TRANSMISSIONS + 1))
    rates = block_error_rate(sinr_db[:, None] + gain, table)
    return np.take_along_axis(rates, mcs[:, None, None], axis=-1)[..., 0]


def residual_error_rate(
    error_rates: Float[np.ndarray, "report transmission"],
) -> Float[np.ndarray, " report"]:
    """Probability that every transmission fails, and RLC must help."""
    return error_rates.prod(axis=-1)


def mean_transmissions(error_rates: Float[np.ndarray, "report transmission"]) -> Float[np.ndarray, " report"]:
    """Mean number of transmissions of a block: 1 + p₁ + p₁p₂ + …, up to the most there may be."""
    return 1 + np.cumprod(error_rates[:, :-1], axis=-1).sum(axis=-1)


def retransmission_delay(
    error_rates: Float[np.ndarray, "report transmission"], numerology: int
) -> Float[np.ndarray, " report"]:
    """Mean time that HARQ's retransmissions cost a block [s]: a round trip of some slots for each."""
    return (mean_transmissions(error_rates) - 1) * ROUND_TRIP_SLOTS * slot_duration(numerology)
