"""Which cell of a network a measured row is of: by its identity, by channel and PCI, by its PCI alone, or unknown.

`Deployment.candidates` decides, as for reports of any origin. Beyond that, a site whose name is an eNB identity (or a
cell identity) in digits, such as `eNB 341794`, distinguishes its cells from others of the same PCI.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.formats.measurements import LOCATED, Measurements
from raylocus.network.reports.report_checks import HIGHEST_PCI
from raylocus.scenes.cell_names.candidates import Candidates, TokenNames
from raylocus.scenes.cell_names.channels import technology_codes
from raylocus.scenes.sites import Deployment

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
    """Finds the rows' cells in a network.

    Rows of other cells stay as what they are, unknown. Left out are rows that name no cell, those of another site
    under a PCI of the network, which nothing but the log's identity would distinguish later on, and those that only a
    PCI names which the list of sites does not state.
    """
    measured = replace(measured, cell_identity=_learned_identities(measured, deployment))
    measured = replace(measured, pci=_pcis(measured, deployment))
    reasons = _reasons(measured)
    sound = ~np.any([mask for _, mask in reasons], axis=0)
    found = _candidates(measured, sound, deployment)
    identity = deployment.cell_table.identity[found.cells]
    alike = (identity >= 0) & (identity == measured.cell_identity[found.rows.row])
    by_identity = _any_of(alike, found)
    confirmed, elsewhere = _by_site_names(measured, found, deployment)
    elsewhere &= ~by_identity
    reasons.append(("cells of another site under a PCI of the place", elsewhere))
    unlisted = found.known & ~by_identity & ~_any_of(~deployment.cell_table.planned[found.cells], found)
    agree = _of_operator(measured, found, deployment)
    reasons.append(
        (
            "cells of another operator under a PCI of the place",
            found.known & ~by_identity & ~_any_of(agree, found),
        )
    )
    reasons.append(("cells named by a PCI, where the list of sites has none", unlisted & ~confirmed))
    reason = np.select([mask for _, mask in reasons], np.arange(1, len(reasons) + 1), 0)
    known = np.select(
        [~found.known, by_identity | confirmed, measured.channel >= 0],
        [Known.UNKNOWN, Known.IDENTITY, Known.CHANNEL],
        Known.PCI,
    )
    counts = Counter(
        {name: int(np.count_nonzero(reason == number)) for number, (name, _) in enumerate(reasons, 1)}
    )
    kept = reason == 0
    return ResolvedRows(measured.select(kept), known[kept].astype(np.int64), counts)


def _of_operator(
    measured: Measurements, found: Candidates, deployment: Deployment
) -> Bool[np.ndarray, " candidate"]:
    """Whether candidates may be of the operator that their row names; those of unknown operators may."""
    listed = [_operator(carrier.operator) for carrier in deployment.carriers]
    named = {text: _operator(text) for text in np.unique(measured.operator).tolist()}
    carrier = deployment.carrier_of_cell[found.cells].tolist()
    pairs = zip(measured.operator[found.rows.row].tolist(), carrier, strict=True)
    return np.array([_may_be(named[text], listed[index]) for text, index in pairs], bool)


def _may_be(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    return one is None or other is None or one == other


def _operator(text: str) -> tuple[int, int] | None:
    """MCC and MNC of `262-01`; None where a text is no such pair."""
    match = re.fullmatch(r"([1-9]\d{2})-(\d{1,3})", text)
    return None if match is None else (int(match.group(1)), int(match.group(2)))


def _any_of(candidate: Bool[np.ndarray, " candidate"], found: Candidates) -> Bool[np.ndarray, " row"]:
    """Whether any candidate of each row is so."""
    return np.bincount(found.rows.row[candidate], minlength=len(found.rows.lengths)) > 0


def _learned_identities(measured: Measurements, deployment: Deployment) -> Float[np.ndarray, " row"]:
    """Identities, those of neighbours by their PCI as well where the list states no PCI and the log itself does.

    A serving cell is logged with both: its neighbours elsewhere in the log, of the same channel and PCI, are it, unless
    the log has several such cells.
    """
    table = deployment.cell_table
    identity, lacking = measured.cell_identity.copy(), np.isnan(measured.cell_identity)
    names = list(
        zip(
            measured.technology.tolist(),
            _whole(measured.channel).tolist(),
            measured.pci.tolist(),
            strict=True,
        )
    )
    learned: dict[tuple[str, int, float], set[float]] = {}
    for row in np.flatnonzero(
        np.isin(identity, table.identity[table.planned]) & (measured.pci >= 0)
    ).tolist():
        learned.setdefault(names[row], set()).add(float(identity[row]))
    for row in np.flatnonzero(lacking).tolist():
        found = learned.get(names[row], set())
        if len(found) == 1:
            identity[row] = next(iter(found))
    return identity


def token_names(measured: Measurements) -> TokenNames:
    """How rows name their cells."""
    return TokenNames(
        pci=_whole(measured.pci),
        technology=technology_codes(measured.technology.tolist()),
        channel=_whole(measured.channel),
        identity=_whole(measured.cell_identity),
    )


def _whole(values: Float[np.ndarray, " row"]) -> Int[np.ndarray, " row"]:
    """Whole numbers, −1 where unknown or beyond what any name of a cell holds."""
    return np.where((values >= 0) & (values < 2**53), values, -1).astype(np.int64)


def _reasons(measured: Measurements) -> list[tuple[str, Bool[np.ndarray, " row"]]]:
    """Why rows cannot be of any cell, the first reason that holds counts."""
    technology, pci = measured.technology, measured.pci
    highest = np.where(np.isin(technology, ("LTE", "NB-IoT")), HIGHEST_LTE_PCI, HIGHEST_PCI)
    return [
        ("technologies other than LTE and NR", (technology != "") & ~np.isin(technology, LOCATED)),
        ("no PCI, and no identity that the place knows", np.isnan(pci)),
        ("PCI out of range", (pci < 0) | (pci > highest) | (np.floor(pci) != pci)),
    ]


def _candidates(
    measured: Measurements, sound: Bool[np.ndarray, " row"], deployment: Deployment
) -> Candidates:
    """The cells that each row may be of; none of those that are left out."""
    names = token_names(measured)
    return deployment.candidates(replace(names, pci=np.where(sound, names.pci, -1)))


def _site_numbers(measured: Measurements, deployment: Deployment) -> Float[np.ndarray, " site"]:
    """The number that each site is named by; NaN of all where no row has one of them."""
    matches = [
        re.fullmatch(r"(?:(?:e|g)NB)?[\s_-]*(\d+)", site.name, re.IGNORECASE) for site in deployment.sites
    ]
    named = np.array([np.nan if match is None else float(match.group(1)) for match in matches])
    used = np.isin(named, measured.site_identity) | np.isin(named, measured.cell_identity)
    return named if used.any() else np.full(len(named), np.nan)


def _pcis(measured: Measurements, deployment: Deployment) -> Float[np.ndarray, " row"]:
    """PCI of each row, also of one without that names a known cell, or a site of a single cell.

    A row of such a site has the PCI that was planned for it, where its own is not listed.
    """
    pci, lacking = measured.pci.copy(), np.isnan(measured.pci)
    for cell in deployment.cells:
        if cell.identity is not None:
            pci[lacking & (measured.cell_identity == cell.identity)] = cell.pci
    cells = np.bincount(deployment.site_of_cell, minlength=len(deployment.sites))
    numbers = _site_numbers(measured, deployment)
    for cell in deployment.cells:
        if cells[cell.site] == 1 and not np.isnan(numbers[cell.site]):
            pci[(lacking | ("pci" in cell.assumed)) & _names_site(measured, numbers[cell.site])] = cell.pci
    return pci


def _names_site(measured: Measurements, number: float) -> Bool[np.ndarray, " row"]:
    return (measured.site_identity == number) | (measured.cell_identity == number)


def _by_site_names(
    measured: Measurements, found: Candidates, deployment: Deployment
) -> tuple[Bool[np.ndarray, " row"], Bool[np.ndarray, " row"]]:
    """Rows whose candidate stands at the site that they name, and rows all of whose candidates stand at others."""
    numbers = _site_numbers(measured, deployment)[deployment.site_of_cell[found.cells]]
    row = found.rows.row
    same = (measured.site_identity[row] == numbers) | (measured.cell_identity[row] == numbers)
    other = ~np.isnan(numbers) & ~np.isnan(measured.site_identity[row]) & ~same
    return _any_of(same, found), found.known & ~_any_of(~other, found)
