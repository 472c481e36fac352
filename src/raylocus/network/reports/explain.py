"""One report as an engineer reads a trace."""

from __future__ import annotations

import numpy as np
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from raylocus.network.reports.features import CRITICAL, FEATURES, ReportFeature, features_named
from raylocus.network.reports.reports import Reports

#: How a censored value is marked.
_MARKS = {-1: "<", 0: "", 1: "≥"}


#: Units that a reader is given instead of the schema's: factor, unit, and the features' largest value they are for.
_UNITS = {
    "s": ((1e9, "ns", 1e-3), (1e3, "ms", 100.0)),
    "bit/s": ((1e-6, "Mbit/s", float("inf")),),
    "1": ((1.0, "", float("inf")),),
}


def explain(reports: Reports, report: int) -> Table:
    """A rich table of one report's tokens; a dash is a missing value, < and ≥ are censored ones."""
    sequence = int(reports.sequence_of_report[report])
    x, y, _ = reports.position[report]
    number = report - int(reports.report_offsets[sequence])
    title = f"UE {sequence}, report {number}, t = {reports.time[report]:.2f} s"
    where = "position unknown" if np.isnan(x) else f"truly at ({x:.1f}, {y:.1f}) m"
    table = Table(title=f"{title}, {where}")
    for heading in ("PCI", "role", "SSB", *(f"{feature.name} [{feature.unit}]" for feature in FEATURES)):
        table.add_column(escape(heading), justify="right")
    for token in _tokens(reports, report):
        values = zip(
            reports.features[token, : len(FEATURES)], reports.censored[token, : len(FEATURES)], strict=True
        )
        table.add_row(
            str(reports.pci[token]),
            "serving" if reports.serving[token] else "neighbour",
            "–" if reports.beam[token] < 0 else str(reports.beam[token]),
            *("–" if np.isnan(value) else f"{_MARKS[int(end)]}{value:g}" for value, end in values),
        )
    return table


def explain_trace(reports: Reports, report: int) -> Group:
    """The same, and below it every other feature that the report has, layer by layer, with its clause.

    What the report could have had and has not is named at the end, and what no report has, with the reason.
    """
    parts: list[Table | Text] = [explain(reports, report)]
    if len(reports.feature_names) > len(CRITICAL):
        parts += [_details(reports, report), _missing(reports, report)]
    if reports.absent:
        table = Table("not available", "why")
        for name, reason in reports.absent:
            table.add_row(name, reason)
        parts.append(table)
    return Group(*parts)


def _tokens(reports: Reports, report: int) -> range:
    return range(int(reports.token_offsets[report]), int(reports.token_offsets[report + 1]))


def _details(reports: Reports, report: int) -> Table:
    table = Table("layer", "feature", "value", "meaning", "clause")
    layer = ""
    for index, feature in enumerate(features_named(reports.feature_names)):
        values = _values(reports, report, index, feature)
        if index < len(CRITICAL) or not values:
            continue
        if feature.layer != layer and layer:
            table.add_section()
        shown = "" if feature.layer == layer else feature.layer
        table.add_row(shown, feature.name, values, feature.meaning, feature.clause)
        layer = feature.layer
    return table


def _values(reports: Reports, report: int, index: int, feature: ReportFeature) -> str:
    """Values of a feature: the serving cell's alone, else those of every PCI or PCI/SSB."""
    factor, unit = _scale(feature)
    found = []
    for token in _tokens(reports, report):
        value = reports.features[token, index]
        if np.isnan(value):
            continue
        text = f"{_MARKS[int(reports.censored[token, index])]}{factor * value:.4g}"
        beam = "" if reports.beam[token] < 0 else f"/{reports.beam[token]}"
        found.append(text if feature.token == "serving" else f"{reports.pci[token]}{beam}: {text}")
    return f"{', '.join(found)} {unit}".strip() if found else ""


def _missing(reports: Reports, report: int) -> Text:
    """The features that this report lacks though the network has them."""
    there = np.any(reports.present[_tokens(reports, report)], axis=0)
    gone = set(dict(reports.absent))
    names = [
        name for name, has in zip(reports.feature_names, there, strict=True) if not has and name not in gone
    ]
    return Text(f"not in this report: {', '.join(names)}" if names else "nothing is missing")


def _scale(feature: ReportFeature) -> tuple[float, str]:
    """Factor and unit that a feature's values are printed with."""
    for factor, unit, largest in _UNITS.get(feature.unit, ()):
        if feature.high <= largest:
            return factor, unit
    return 1.0, feature.unit
