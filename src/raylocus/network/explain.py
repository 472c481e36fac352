"""One report as an engineer reads a trace."""

from __future__ import annotations

import numpy as np
from rich.console import Group
from rich.table import Table

from raylocus.network.features import CRITICAL, FEATURES, Feature, features_named
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
    for token in _tokens(reports, report):
        table.add_row(*_row(reports, token))
    return table


def explain_trace(reports: Reports, report: int) -> Group:
    """The same, and below it every other feature that the report has, one a line with layer and clause."""
    parts: list[Table] = [explain(reports, report)]
    if len(reports.feature_names) > len(CRITICAL):
        parts.append(_details(reports, report))
    if reports.absent:
        table = Table("not available", "why")
        for name, reason in reports.absent:
            table.add_row(name, reason)
        parts.append(table)
    return Group(*parts)


def _tokens(reports: Reports, report: int) -> range:
    return range(int(reports.token_offsets[report]), int(reports.token_offsets[report + 1]))


def _details(reports: Reports, report: int) -> Table:
    table = Table("layer", "feature", "values by PCI", "unit", "clause", "meaning")
    for index, feature in enumerate(features_named(reports.feature_names)):
        if index < len(CRITICAL):
            continue
        values = [
            f"{reports.pci[token]}{_beam(reports, token)}: {_value(reports, token, index, feature)}"
            for token in _tokens(reports, report)
            if not np.isnan(reports.features[token, index])
        ]
        if values:
            table.add_row(
                feature.layer,
                feature.name,
                ", ".join(values),
                _unit(feature),
                feature.clause,
                feature.meaning,
            )
    return table


def _beam(reports: Reports, token: int) -> str:
    return "" if reports.beam[token] < 0 else f"/{reports.beam[token]}"


def _unit(feature: Feature) -> str:
    return "ns" if feature.unit == "s" and feature.high < 1e-3 else feature.unit


def _value(reports: Reports, token: int, index: int, feature: Feature) -> str:
    scale = 1e9 if _unit(feature) == "ns" else 1.0
    mark = _MARKS[int(reports.censored[token, index])]
    return f"{mark}{scale * reports.features[token, index]:.5g}"


def _row(reports: Reports, token: int) -> list[str]:
    beam = reports.beam[token]
    role = "serving" if reports.serving[token] else "neighbour"
    columns = slice(len(FEATURES))
    values = [
        "–" if np.isnan(value) else f"{_MARKS[int(censored)]}{value:g}"
        for value, censored in zip(
            reports.features[token, columns], reports.censored[token, columns], strict=True
        )
    ]
    return [str(reports.pci[token]), role, "–" if beam < 0 else str(beam), *values]
