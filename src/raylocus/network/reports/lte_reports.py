"""The reports that an LTE network would have: NR's on a 15 kHz carrier, mapped to LTE's tables (TS 36.133).

LTE's bins of RSRP, RSRQ and RS-SINR have the width of NR's and share their edges, and a step of its timing
advance is NR's at 15 kHz, so mapping a decoded value again loses nothing that LTE would have kept.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.reports.report_tables import (
    LTE_POWER_HEADROOM,
    LTE_RS_SINR,
    LTE_RSRP,
    LTE_RSRQ,
    ReportTable,
)
from raylocus.network.reports.reports import TOKEN_FIELDS, Reports
from raylocus.network.rrc.lte import CELL_IDENTITIES, MOST_TIMING_ADVANCE
from raylocus.scenes.sites import Carrier

#: LTE's table of each feature that LTE maps in its own way.
LTE_TABLES: dict[str, ReportTable] = {
    "rsrp": LTE_RSRP,
    "rsrq": LTE_RSRQ,
    "sinr": LTE_RS_SINR,
    "power_headroom": LTE_POWER_HEADROOM,
}
#: Features that LTE reports or knows as NR does.
SAME_FEATURES = (
    *("timing_advance", "timing_command", "cqi", "ri", "snr", "scheduling_requests", "harq_nack", "event"),
    *("handovers", "stay", "mcs", "bler", "throughput", "spectral_efficiency", "frame_error_rate"),
    *("bearer_throughput", "rlc_retransmissions", "round_trip", "latency", "jitter", "delay_spread"),
    *("doppler_spread", "condition_number"),
)


def lte_reports(reports: Reports, carrier: Carrier) -> Reports:
    """What an LTE network would have of UEs that were observed as by NR.

    Beam tokens go, for LTE's reference signal has no beams; features that LTE does not have are absent,
    with that reason.

    Raises:
        InputError: the carrier has not LTE's 15 kHz, or a PCI is above 503.
    """
    if carrier.numerology != 0:
        raise InputError("LTE has subcarriers of 15 kHz; observe a deployment of numerology 0")
    if reports.pci.max(initial=0) >= CELL_IDENTITIES:
        raise InputError(
            f"LTE has PCIs 0 to 503, not {reports.pci.max()}; plan the deployment's PCIs for LTE"
        )
    reports = _without_beams(reports)
    features, censored = reports.features.copy(), reports.censored.copy()
    absent = list(reports.absent)
    for index, name in enumerate(reports.feature_names):
        if name in LTE_TABLES:
            features[:, index], censored[:, index] = _mapped(
                features[:, index], censored[:, index], LTE_TABLES[name]
            )
        elif name not in SAME_FEATURES:
            features[:, index], censored[:, index] = np.nan, 0
            absent += [(name, "LTE does not report it")] * (name not in dict(reports.absent))
    advance = reports.feature_names.index("timing_advance")
    above = features[:, advance] >= MOST_TIMING_ADVANCE
    features[above, advance], censored[above, advance] = MOST_TIMING_ADVANCE, 1
    return dataclasses.replace(reports, features=features, censored=censored, absent=tuple(absent))


def _without_beams(reports: Reports) -> Reports:
    keep = reports.beam < 0
    counts = np.bincount(reports.report_of_token[keep], minlength=len(reports.time))
    columns = {name: getattr(reports, name)[keep] for name in TOKEN_FIELDS}
    return dataclasses.replace(reports, token_offsets=np.concatenate([[0], np.cumsum(counts)]), **columns)


def _mapped(
    values: Float[np.ndarray, "token"], ends: Int[np.ndarray, "token"], table: ReportTable
) -> tuple[Float[np.ndarray, "token"], Int[np.ndarray, "token"]]:
    """Values through a table; what was censored before stays so."""
    # An end of NR's range says that the truth is beyond it.
    mapped, censored = table.reported(values + np.where(ends == 0, 0.0, np.sign(ends) * 1e-6))
    return mapped, np.where(censored == 0, ends, censored)
