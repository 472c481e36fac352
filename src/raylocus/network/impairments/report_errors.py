"""What a report gets wrong: time stamps that are late, identities that are wrong or missing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import InputError
from raylocus.network.random_streams import RandomSource
from raylocus.network.reports.reports import Reports
from raylocus.network.rrc.measurement_configuration import MOST_REPORTED_CELLS
from raylocus.ragged import Rows


@dataclass(frozen=True)
class ClockErrors:
    """How a UE's clock and the network's time stamps are off."""

    drift: float = 0.1e-6
    """Standard deviation of a UE's frequency error after it locked to its cell (0.1 ppm, TS 38.101-1 §6.4.1)."""
    stamp_jitter: float = 0.005
    """Largest delay of a report's time stamp, uniform [s]: scheduling and processing."""


def drifts(
    report_offsets: Int[np.ndarray, " sample_plus_1"], errors: ClockErrors, random: RandomSource
) -> Float[np.ndarray, " report"]:
    """Relative frequency error of the UE of each report: one draw for its whole sequence."""
    return errors.drift * random.standard_normal((int(report_offsets[-1]),))[Rows(report_offsets).first]


def time_stamps(
    time: Float[np.ndarray, " report"], errors: ClockErrors, random: RandomSource
) -> Float[np.ndarray, " report"]:
    """When the network says that reports came [s]: later by a uniform delay."""
    return time + errors.stamp_jitter * random.random(time.shape)


@dataclass(frozen=True)
class IdentityErrors:
    """How often a neighbour's PCI is not what it should be; a serving cell is known for sure."""

    wrong: float = 0.005
    """Share of the neighbours that carry another cell's PCI: confusion by a bad plan; not a measurement."""
    missing: float = 0.02
    """Share of the neighbours that go unreported because their identity could not be decoded; not a measurement."""

    def __post_init__(self) -> None:
        if not (0 <= self.wrong <= 1 and 0 <= self.missing <= 1):
            raise InputError("the shares of wrong and of missing PCIs lie between 0 and 1")


def with_wrong_identities(
    reports: Reports, share: float, known: Int[np.ndarray, " cell"], random: RandomSource
) -> Reports:
    """Reports in which a share of the neighbours carry the PCI of a cell that the report does not name.

    As when PCIs are planned badly and a UE resolves the wrong one. A neighbour stays as it is where every
    known cell is in its report.
    """
    uniform = _by_neighbour(reports, random)
    pci, report = reports.pci.copy(), reports.report_of_token
    for token in np.flatnonzero(~reports.serving & (uniform[:, 0] < share)):
        start, end = reports.token_offsets[report[token] : report[token] + 2]
        others = np.setdiff1d(known, pci[start:end])
        if len(others):
            pci[token] = others[int(uniform[token, 1] * len(others))]
    return dataclasses.replace(reports, pci=pci)


def with_missing_identities(reports: Reports, share: float, random: RandomSource) -> Reports:
    """Reports from which a share of the neighbours is gone because their PCI could not be decoded."""
    keep = reports.serving | (_by_neighbour(reports, random)[:, 0] >= share)
    return reports.select_tokens(keep)


def _by_neighbour(reports: Reports, random: RandomSource) -> Float[np.ndarray, "token 2"]:
    """Two uniform numbers for each token, the same whatever other UEs are in the batch."""
    slot = Rows(reports.token_offsets).rank
    # Neighbours come right after the serving cell, and beams after them: slots beyond are never asked for.
    slot = np.where(reports.serving, 0, slot)
    most = max(MOST_REPORTED_CELLS, int(slot.max(initial=0)))
    return random.random((len(reports.time), most + 1, 2))[reports.report_of_token, slot]
