"""What a UE can do, and which report features a band, a cell and a UE can give (TS 38.306)."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.errors import InputError

#: Frequency ranges [Hz] (TS 38.104; limits from memory).
FREQUENCY_RANGES = {1: (410e6, 7.125e9), 2: (24.25e9, 71e9)}


@dataclass(frozen=True)
class UeCapability:
    """Capabilities that decide what is reported."""

    frequency_ranges: tuple[int, ...] = (1,)
    """FR1, FR2 or both."""
    receive_antennas: int = 4
    most_layers: int = 4
    """maxNumberMIMO-LayersPDSCH."""
    sinr: bool = True
    """ss-SINR-Meas."""
    positioning_downlink: bool = False
    """PRS measurements: RSTD, UE Rx−Tx, PRS-RSRP."""
    positioning_uplink: bool = False
    """SRS for positioning."""
    carrier_phase: bool = False
    """Rel-18 carrier phase measurements."""

    def __post_init__(self) -> None:
        if not 1 <= self.receive_antennas <= 8 or not 1 <= self.most_layers <= 8:
            raise InputError("a UE has 1 to 8 receive antennas and layers")


#: Everything the stack can report.
FULL_CAPABILITY = UeCapability(
    frequency_ranges=(1, 2), positioning_downlink=True, positioning_uplink=True, carrier_phase=True
)


def frequency_range(frequency: float) -> int:
    """1 or 2 of a carrier frequency [Hz].

    Raises:
        InputError: NR is not specified there.
    """
    for number, (low, high) in FREQUENCY_RANGES.items():
        if low <= frequency <= high:
            return number
    raise InputError(
        f"{frequency / 1e9:g} GHz lies in no frequency range of NR; use 0.41–7.125 or 24.25–71 GHz"
    )


def beam_limit(frequency: float) -> int:
    """L_max: the most SSB beams of a cell, 4 up to 3 GHz, 8 above in FR1, 64 in FR2 (TS 38.213 §4.1)."""
    if frequency_range(frequency) == 2:
        return 64
    return 4 if frequency <= 3e9 else 8
