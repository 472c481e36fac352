"""What is there to report: by band, capability and configuration, and by protocol timing from report to report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.chance import Chance
from raylocus.network.features import Feature
from raylocus.network.rrc.capability import UeCapability, beam_limit, frequency_range
from raylocus.scenes.sites import Deployment


@dataclass(frozen=True)
class AbsentFeature:
    """A feature that no report of a run can have, and why."""

    name: str
    reason: str


def absent_features(
    features: tuple[Feature, ...], deployment: Deployment, capability: UeCapability
) -> tuple[AbsentFeature, ...]:
    """Features that the band, the antennas or the UE cannot give."""
    reasons = {
        "sinr": None if capability.sinr else "the UE does not measure SS-SINR",
        "downlink": None if capability.positioning_downlink else "the UE does not measure PRS",
        "uplink": None if capability.positioning_uplink else "no SRS for positioning is configured",
        "phase": None if capability.carrier_phase else "the UE does not measure carrier phase",
    }
    absent = [AbsentFeature(each.name, why) for each in features if (why := reasons.get(each.needs))]
    single = all(cell.array.columns == 1 for cell in deployment.cells)
    if single:
        absent += [
            AbsentFeature(each.name, "the panels have a single column")
            for each in features
            if each.name in ("pmi_i11", "pmi_i13", "ul_aoa", "dl_aod")
        ]
    return tuple(absent)


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


def occurred(
    time: Float[np.ndarray, "report"],
    report_offsets: Int[np.ndarray, "sample_plus_1"],
    period: float,
    chance: Chance,
) -> Bool[np.ndarray, "report"]:
    """Whether a periodic occasion (L1 report, PRS, PHR timer) fell between the last report and this one.

    Occasions are `period` [s] apart with a random phase per UE; the first report covers one period back.
    """
    first = np.repeat(report_offsets[:-1], np.diff(report_offsets))
    phase = chance.random((len(time),))[first]
    number = np.floor(time / period + phase)
    before = np.concatenate([[0.0], number[:-1]])
    is_first = np.arange(len(time)) == first
    return is_first | (number > before)
