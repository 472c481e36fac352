"""Radio technologies whose cells have a PCI: their names, and their codes in reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from raylocus.errors import InputError
from raylocus.scenes.cell_names.channels import arfcn_frequency, earfcn_frequency

#: Names by code; code 0 is unknown.
TECHNOLOGIES = ("", "NR", "LTE", "NB-IoT")
UNKNOWN, NR, LTE, NB_IOT = range(4)


def technology_codes(names: Sequence[str]) -> Int[np.ndarray, " name"]:
    """Codes of names; 0 for any other name."""
    codes = {name: code for code, name in enumerate(TECHNOLOGIES)}
    return np.array([codes.get(name, UNKNOWN) for name in names], np.int8)


def channel_frequency(channel: int, technology: int) -> float:
    """Downlink frequency [Hz] of a channel number of a technology; NaN where it is no channel.

    An NR-ARFCN in reports is that of the SSB, anywhere in the carrier; an EARFCN is the carrier's centre.
    """
    try:
        return arfcn_frequency(channel) if technology == NR else earfcn_frequency(channel)
    except InputError:
        return float("nan")
