"""Wrong and missing cell identities in reports that are otherwise sound."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Int

from raylocus.errors import InputError
from raylocus.network.reports import Reports


def with_wrong_identities(
    reports: Reports, share: float, known: Int[np.ndarray, "cell"], generator: np.random.Generator
) -> Reports:
    """Reports in which a share of the neighbour tokens carry the PCI of another cell of the deployment.

    As when PCIs are planned badly and a UE resolves the wrong one; a serving cell is known for sure.

    Raises:
        InputError: the share is no probability, or there is no other cell to be taken for.
    """
    if not 0 <= share <= 1 or len(known) < 2:
        raise InputError("a share of wrong PCIs is between 0 and 1, in a place of at least two cells")
    wrong = ~reports.serving & (generator.random(len(reports.pci)) < share)
    position = np.searchsorted(np.sort(known), reports.pci)
    other = np.sort(known)[(position + generator.integers(1, len(known), len(position))) % len(known)]
    return dataclasses.replace(reports, pci=np.where(wrong, other, reports.pci))


def without_tokens(reports: Reports, dropped: Bool[np.ndarray, "token"]) -> Reports:
    """Reports without some tokens: cells whose identity could not be read.

    Raises:
        InputError: a serving cell's token would go.
    """
    if np.any(dropped & reports.serving):
        raise InputError("a serving cell's identity is always known; drop neighbours only")
    keep = ~dropped
    counts = np.bincount(reports.report_of_token[keep], minlength=len(reports.time))
    columns = {
        name: getattr(reports, name)[keep] for name in ("pci", "serving", "beam", "features", "censored")
    }
    return dataclasses.replace(reports, token_offsets=np.concatenate([[0], np.cumsum(counts)]), **columns)


def with_missing_identities(reports: Reports, share: float, generator: np.random.Generator) -> Reports:
    """Reports from which a share of the neighbours is gone because their PCI could not be decoded."""
    dropped = ~reports.serving & (generator.random(len(reports.pci)) < share)
    return without_tokens(reports, dropped)
