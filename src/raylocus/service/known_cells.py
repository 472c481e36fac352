"""Which cells of a deployment the tokens of questions are of, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from raylocus.errors import InputError
from raylocus.network.formats.cell_resolution import HIGHEST_LTE_PCI, Known
from raylocus.network.reports.reports import Reports
from raylocus.ragged import Rows
from raylocus.scenes.site_import.channels import arfcn_frequency, earfcn_frequency
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.service.asked_reports import AskedReports
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing


@dataclass(frozen=True)
class FoundCells:
    """Of each token, its cell in a deployment."""

    cell: Int[np.ndarray, " token"]
    """Index of the cell; −1 where the deployment does not have it."""
    known: Int[np.ndarray, " token"]
    """`Known` of each."""


def found_cells(asked: AskedReports, deployment: Deployment) -> FoundCells:
    """Finds the tokens' cells by channel and PCI."""
    by_pci = {int(pci): index for index, pci in enumerate(deployment.pcis)}
    cell = np.array([by_pci.get(int(pci), -1) for pci in asked.reports.pci], np.int64)
    on = np.array(
        [
            _on_carrier(str(technology), float(channel), int(pci), deployment.carrier)
            for technology, channel, pci in zip(
                asked.technology, asked.channel, asked.reports.pci, strict=True
            )
        ],
        bool,
    )
    cell = np.where(on, cell, -1)
    known = np.where(np.isnan(asked.channel), Known.PCI, Known.CHANNEL)
    return FoundCells(cell, np.where(cell >= 0, known, Known.UNKNOWN))


def located_reports(
    asked: AskedReports, found: FoundCells, questions: Int[np.ndarray, " selected"], deployment: Deployment
) -> Reports:
    """The reports of some questions with the tokens of known cells, each cell once a report."""
    row = Rows(asked.reports.report_offsets).row
    own = np.isin(row[asked.reports.report_of_token], questions) & (found.cell >= 0)
    keys = np.stack([asked.reports.report_of_token, found.cell, asked.reports.beam], axis=1)
    first = np.zeros(len(own), bool)
    first[np.unique(keys, axis=0, return_index=True)[1]] = True
    kept = own & first
    known = asked.select_tokens(kept).select(questions)
    return known.with_advances(np.full(len(known.reports.pci), deployment.carrier.numerology))


def _on_carrier(technology: str, channel: float, pci: int, carrier: Carrier) -> bool:
    if technology not in ("", "NR", "LTE") or (technology == "LTE" and carrier.numerology > 0):
        return False
    if technology == "LTE" and pci > HIGHEST_LTE_PCI:
        return False
    if np.isnan(channel):
        return True
    try:
        frequency = (earfcn_frequency if technology == "LTE" else arfcn_frequency)(int(channel))
    except InputError:
        return False
    half = (
        carrier.resource_blocks * SUBCARRIERS_PER_RESOURCE_BLOCK * subcarrier_spacing(carrier.numerology) / 2
    )
    return abs(frequency - carrier.frequency) <= half
