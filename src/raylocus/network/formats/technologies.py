"""Radio technologies as logs write them, and what a cell identity says of its site."""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float, Shaped

from raylocus.units import timing_advance_step

#: The names that `Measurements.technology` has, with what logs write, in the order in which they are tried.
TECHNOLOGIES = {
    "NB-IoT": r"NB-?_?IOT|LTE-?NB|CAT-?NB",
    "LTE": r"LTE|4G|E-?UTRA|EUTRAN",
    "NR": r"NR|5G|NGRAN",
    "UMTS": r"UMTS|WCDMA|HSPA|HSDPA|HSUPA|3G|TD-?SCDMA",
    "CDMA": r"CDMA|EV-?DO|1XRTT",
    "GSM": r"GSM|EDGE|GPRS|2G",
}
#: Those whose cells have a PCI, and can be in a place.
LOCATED = ("LTE", "NB-IoT", "NR")
#: Bits of an E-UTRAN cell identity that number the cell within its eNB (TS 36.413 §9.2.1.38).
CELL_BITS = 8
#: Highest E-UTRAN cell identity, 28 bits.
HIGHEST_ECI = 2**28 - 1
#: RSRP of ASU 0 in Android's LTE and NR [dBm] (CellSignalStrengthLte.getAsuLevel); ASU ends at 97.
ASU_ZERO, LAST_ASU = -140.0, 97.0


def technologies_of(texts: Shaped[np.ndarray, " row"]) -> Shaped[np.ndarray, " row"]:
    """The technology that each text names; a text of none of them stays as it is."""
    known = {text: _technology(text) for text in np.unique(texts).tolist()}
    return np.array([known[text] for text in texts.tolist()], np.str_)


def _technology(text: str) -> str:
    for name, pattern in TECHNOLOGIES.items():
        if re.search(rf"(?<![A-Z])(?:{pattern})(?![A-Z])", text.upper()):
            return name
    return text


def enb_identity(
    cell: Float[np.ndarray, " row"], technology: Shaped[np.ndarray, " row"]
) -> Float[np.ndarray, " row"]:
    """eNB identity of E-UTRAN cell identities, NaN elsewhere: a gNB's share of an NR cell identity is not fixed."""
    of_lte = np.isin(technology, ("LTE", "NB-IoT")) & (cell >= 0) & (cell <= HIGHEST_ECI)
    return np.where(of_lte, np.floor_divide(cell, 2**CELL_BITS), np.nan)


def advance_of_steps(steps: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """Round-trip seconds of LTE's timing advance, in steps of 16 Ts (TS 36.213 §4.2.3); negative ones are no value."""
    return np.where(steps >= 0, steps, np.nan) * timing_advance_step(0)


def level_of_signal(signal: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """RSRP [dBm] of a signal in ASU (from 0 to 97) or dBm (below 0)."""
    asu = (signal >= 0) & (signal <= LAST_ASU)
    return np.where(asu, signal + ASU_ZERO, np.where(signal < 0, signal, np.nan))
