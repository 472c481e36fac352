"""One report as an engineer reads a trace."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from raylocus.network.features import FEATURES
from raylocus.network.reports import Reports

#: How a censored value is marked.
_MARKS = {-1: "<", 0: "", 1: "≥"}


def explain(reports: Reports, report: int) -> Table:
    """A rich table of one report's tokens; a dash is a missing value, < and ≥ are censored ones."""
    sequence = int(reports.sequence_of_report[report])
    x, y, _ = reports.position[report]
    title = f"UE {sequence}, t = {reports.time[report]:.2f} s"
    where = "position unknown" if np.isnan(x) else f"truly at ({x:.1f}, {y:.1f}) m"
    table = Table(title=f"{title}, {where}")
    for heading in ("PCI", "role", "SSB", *(f"{feature.name} [{feature.unit}]" for feature in FEATURES)):
        table.add_column(heading, justify="right")
    for token in range(reports.token_offsets[report], reports.token_offsets[report + 1]):
        table.add_row(*_row(reports, token))
    return table


def _row(reports: Reports, token: int) -> list[str]:
    beam = reports.beam[token]
    role = "serving" if reports.serving[token] else "neighbour"
    values = [
        "–" if np.isnan(value) else f"{_MARKS[int(censored)]}{value:g}"
        for value, censored in zip(reports.features[token], reports.censored[token], strict=True)
    ]
    return [str(reports.pci[token]), role, "–" if beam < 0 else str(beam), *values]
