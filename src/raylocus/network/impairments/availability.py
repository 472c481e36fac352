"""What bands, antennas and UEs can report at all, and what is missing from single reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.reports.features import ReportFeature
from raylocus.ragged import Rows
from raylocus.scenes.sites import Carrier, Deployment

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


#: Columns of panels that have a Type I codebook of one row.
CODEBOOK_COLUMNS = (2, 4, 6, 8, 12, 16)
#: Features that need such a panel.
COLUMN_FEATURES = (
    *("cqi", "ri", "pmi_i11", "pmi_i13", "pmi_i2", "condition_number"),
    *("singular_value_2", "singular_value_3", "singular_value_4", "eigenvector_step"),
)
#: Resource blocks of an SS/PBCH block.
SSB_BLOCKS = 20


def absent_features(
    features: tuple[ReportFeature, ...], deployment: Deployment, capability: UeCapability
) -> tuple[tuple[str, str], ...]:
    """Features that the band, the antennas or the UE cannot give, each with the reason."""
    reasons = {
        "sinr": None if capability.sinr else "the UE does not measure SS-SINR",
        "downlink": None if capability.positioning_downlink else "the UE does not measure PRS",
        "uplink": None if capability.positioning_uplink else "no SRS for positioning is configured",
        "phase": None if capability.carrier_phase else "the UE does not measure carrier phase",
    }
    absent = [(each.name, why) for each in features if (why := reasons.get(each.needs))]
    beamless = [("LTE has no SSBs", ("l1_rsrp", "l1_sinr"))] if deployment.carrier.technology != "NR" else []
    for why, names in [*_lacking_antennas(deployment), *beamless]:
        named = dict(absent)
        absent += [(each.name, why) for each in features if each.name in names and each.name not in named]
    return tuple(absent)


def _lacking_antennas(deployment: Deployment) -> list[tuple[str, tuple[str, ...]]]:
    """Why antennas cannot give some features, and which."""
    arrays = [cell.array for cell in deployment.cells]
    found: list[tuple[str, tuple[str, ...]]] = []
    if all(array.columns == 1 for array in arrays):
        found.append(("the panels have a single column", (*COLUMN_FEATURES, "ul_aoa", "dl_aod")))
    elif not any(array.columns in CODEBOOK_COLUMNS for array in arrays):
        found.append(("no codebook has panels of this many columns", COLUMN_FEATURES))
    if all(array.beams == 1 for array in arrays):
        found.append(("the cells have a single beam", ("dl_aod",)))
    return found


def check_deployment(deployment: Deployment, capability: UeCapability) -> None:
    """Refuses a deployment that no network could run.

    Raises:
        InputError: the band is outside NR, the UE cannot use it, or a cell lacks power or an array or has
            more beams than the band allows.
    """
    band = frequency_range(deployment.carrier.frequency)
    if band not in capability.frequency_ranges:
        raise InputError(f"the UE has no FR{band}; give it a capability that names this frequency range")
    most = beam_limit(deployment.carrier.frequency)
    for cell in deployment.cells:
        if not np.isfinite(cell.power_dbm):
            raise InputError(f"cell {cell.pci} has no power; give power_dbm in dBm")
        if min(cell.array.rows, cell.array.columns, cell.array.beams) < 1:
            raise InputError(f"cell {cell.pci} has no antenna array; give at least one row, column and beam")
        if cell.array.beams > most:
            raise InputError(f"cell {cell.pci} has {cell.array.beams} SSB beams; this band allows {most}")


def check_signals(carrier: Carrier, signals: Mapping[str, int]) -> None:
    """Refuses reference signals, named with their resource blocks, that the carrier has no room for.

    Raises:
        InputError: one is wider than the carrier.
    """
    for name, blocks in signals.items():
        if blocks > carrier.resource_blocks:
            raise InputError(
                f"{name} of {blocks} resource blocks does not fit into a carrier of {carrier.resource_blocks}; "
                "configure a narrower signal or a wider carrier"
            )


def occurred(
    time: Float[np.ndarray, " report"],
    report_offsets: Int[np.ndarray, " sample_plus_1"],
    period: float,
    uniform: Float[np.ndarray, " report"],
) -> Bool[np.ndarray, " report"]:
    """Whether a periodic occasion (L1 report, PRS, PHR timer) fell between the last report and this one.

    Occasions are `period` [s] apart; the first report covers one period back.

    Times and the period in s; of `uniform` numbers that of a sequence's first report is its occasions' phase.
    """
    rows = Rows(report_offsets)
    number = np.floor(time / period + uniform[rows.first])
    return (rows.rank == 0) | (np.diff(number, prepend=0.0) > 0)
