"""What is read of a file of sites, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass

from raylocus.scenes.site_import.records import SiteRecord


@dataclass(frozen=True)
class SiteList:
    """The cells of a file."""

    records: tuple[SiteRecord, ...]
    """Cells of LTE and NR, in the file's order or gathered into sites."""
    notes: tuple[str, ...]
    """Which columns were read and which not, and what was left out, one sentence each."""
