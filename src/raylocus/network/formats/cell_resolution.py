"""Which cell of a place a measured row is of: by its identity, by channel and PCI, by its PCI alone, or unknown.

A place knows the PCI of each cell, one carrier, and the names of its sites. A site whose name is an eNB identity (or a
cell identity) in digits, such as `eNB 341794`, distinguishes its cells from others of the same PCI.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.formats.measurements import Measurements
from raylocus.network.formats.technologies import LOCATED
from raylocus.network.reports.report_checks import HIGHEST_PCI
from raylocus.scenes.cell_names.channels import arfcn_frequency, earfcn_frequency
from raylocus.scenes.sites import Carrier, Deployment
from raylocus.units import SUBCARRIERS_PER_RESOURCE_BLOCK, subcarrier_spacing

#: Highest PCI of LTE and NB-IoT (TS 36.211 §6.11).
HIGHEST_LTE_PCI = 503


class Known(IntEnum):
    """How a row's cell was found in the place."""

    UNKNOWN = 0
    PCI = 1
    CHANNEL = 2
    IDENTITY = 3


@dataclass(frozen=True)
class ResolvedRows:
    """The rows that can be part of reports of a place."""

    measurements: Measurements
    """Every row has a PCI; that of an unknown cell is no PCI of the place."""
    known: Int[np.ndarray, " row"]
    """`Known` of each row."""
    refused: Counter[str]
    """Rows left out, by reason."""


def resolve_cells(measured: Measurements, deployment: Deployment) -> ResolvedRows:
    """Finds the rows' cells in a place. Rows that only look like a cell of the place are left out."""
    named = _identities(measured, deployment)
    pci, by_identity = _pci_by_identity(measured, deployment, named)
    measured = replace(measured, pci=pci)
    owner = _site_of_pci(measured.pci, deployment)
    frequency = _frequencies(measured)
    reasons = _reasons(measured, deployment.carrier, frequency)
    exact = np.isin(
        measured.cell_identity, deployment.cell_table.identity[deployment.cell_table.identity >= 0]
    )
    by_identity |= exact
    elsewhere = _is_of_other_site(measured, owner, named) & ~by_identity
    reasons.append(("cells of another site under a PCI of the place", elsewhere))
    reason = np.select([mask for _, mask in reasons], np.arange(1, len(reasons) + 1), 0)
    of_place = owner >= 0
    known = np.select(
        [exact | (of_place & by_identity), of_place & ~np.isnan(frequency), of_place],
        [Known.IDENTITY, Known.CHANNEL, Known.PCI],
        Known.UNKNOWN,
    )
    counts = Counter(
        {name: int(np.count_nonzero(reason == number)) for number, (name, _) in enumerate(reasons, 1)}
    )
    kept = reason == 0
    return ResolvedRows(measured.select(kept), known[kept].astype(np.int64), counts)


def _reasons(
    measured: Measurements, carrier: Carrier, frequency: Float[np.ndarray, " row"]
) -> list[tuple[str, Bool[np.ndarray, " row"]]]:
    """Why rows cannot be of the place, the first reason that holds counts."""
    technology = measured.technology
    wide = carrier.numerology > 0
    lte = np.isin(technology, ("LTE", "NB-IoT"))
    highest = np.where(lte, HIGHEST_LTE_PCI, HIGHEST_PCI)
    megahertz = f"{carrier.frequency / 1e6:g} MHz"
    return [
        ("technologies other than LTE and NR", (technology != "") & ~np.isin(technology, LOCATED)),
        (f"LTE, where the place's subcarriers of {15 * 2**carrier.numerology} kHz are NR's", lte & wide),
        ("no PCI, and no identity that the place knows", np.isnan(measured.pci)),
        (
            "PCI out of range",
            (measured.pci < 0) | (measured.pci > highest) | (np.floor(measured.pci) != measured.pci),
        ),
        (f"channel other than the place's carrier of {megahertz}", _is_off(frequency, carrier)),
    ]


def _is_off(frequency: Float[np.ndarray, " row"], carrier: Carrier) -> Bool[np.ndarray, " row"]:
    """Whether a channel lies outside the carrier; an NR-ARFCN is that of the SSB, anywhere in it."""
    half = (
        carrier.resource_blocks * SUBCARRIERS_PER_RESOURCE_BLOCK * subcarrier_spacing(carrier.numerology) / 2
    )
    return ~np.isnan(frequency) & (np.abs(frequency - carrier.frequency) > half)


def _frequencies(measured: Measurements) -> Float[np.ndarray, " row"]:
    """Downlink frequency [Hz] of each row's channel; NaN where the channel or its technology is unknown."""
    pairs = np.stack([measured.channel, np.where(measured.technology == "NR", 1.0, 0.0)], axis=1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    found = np.array([_frequency(channel, bool(nr)) for channel, nr in unique.tolist()])
    known = np.isin(measured.technology, LOCATED)
    return np.where(known, found[inverse.reshape(-1)] if len(found) else np.nan, np.nan)


def _frequency(channel: float, nr: bool) -> float:
    if not np.isfinite(channel) or channel < 0:
        return np.nan
    try:
        return arfcn_frequency(int(channel)) if nr else earfcn_frequency(int(channel))
    except InputError:
        return np.nan


def _identities(measured: Measurements, deployment: Deployment) -> Float[np.ndarray, " site"]:
    """The number that each site is named by; NaN of all where no row has one of them."""
    matches = [
        re.fullmatch(r"(?:(?:e|g)NB)?[\s_-]*(\d+)", site.name, re.IGNORECASE) for site in deployment.sites
    ]
    named = np.array([np.nan if match is None else float(match.group(1)) for match in matches])
    used = np.isin(named, measured.site_identity) | np.isin(named, measured.cell_identity)
    return named if used.any() else np.full(len(named), np.nan)


def _site_by_identity(measured: Measurements, named: Float[np.ndarray, " site"]) -> Int[np.ndarray, " row"]:
    """Site of each row's identity, −1 where the place does not name it."""
    found = np.full(len(measured), -1)
    for site, identity in enumerate(named.tolist()):
        found[(measured.site_identity == identity) | (measured.cell_identity == identity)] = site
    return found


def _pci_by_identity(
    measured: Measurements, deployment: Deployment, named: Float[np.ndarray, " site"]
) -> tuple[Float[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    """PCI of each row, also of one that names a site of a single cell and no PCI; and which an identity confirms."""
    site = _site_by_identity(measured, named)
    cells = np.bincount(deployment.site_of_cell, minlength=len(deployment.sites))
    single = np.full(len(deployment.sites), np.nan)
    single[deployment.site_of_cell] = deployment.pcis
    single[cells != 1] = np.nan
    given = np.where(np.isnan(measured.pci) & (site >= 0), single[site], measured.pci)
    return given, (site >= 0) & (_site_of_pci(given, deployment) == site)


def _site_of_pci(pci: Float[np.ndarray, " row"], deployment: Deployment) -> Int[np.ndarray, " row"]:
    """Site of the place's cell with each PCI, −1 where it has none."""
    sites = np.full(HIGHEST_PCI + 1, -1)
    sites[deployment.pcis] = deployment.site_of_cell
    inside = (pci >= 0) & (pci <= HIGHEST_PCI)
    return np.where(inside, sites[np.where(inside, pci, 0).astype(np.int64)], -1)


def _is_of_other_site(
    measured: Measurements, owner: Int[np.ndarray, " row"], named: Float[np.ndarray, " site"]
) -> Bool[np.ndarray, " row"]:
    """Whether a row names an eNB, and the place's cell of its PCI stands at a site with another number."""
    numbered = (owner >= 0) & ~np.isnan(named[owner])
    return numbered & ~np.isnan(measured.site_identity)
