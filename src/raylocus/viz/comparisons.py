"""Pictures of a benchmark and of an ablation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from raylocus.evaluation.ablation.summary import Line
from raylocus.evaluation.benchmark.blocks import Block
from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME
from raylocus.viz.style import PALETTE, method_styles


def severity_figure(blocks: Sequence[Block]) -> Figure:
    """p50 of every method against severity, one panel a feature set; the first with its 95 % intervals."""
    sets = list(dict.fromkeys(block.feature_set for block in blocks))
    names = list(dict.fromkeys(one.name for block in blocks for one in block.evaluations))
    styles = method_styles(names, (BOUND_NAME, TRUE_MAPS_NAME))
    figure = Figure(figsize=(3.6 * len(sets) + 2.4, 4.6), layout="constrained")
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, feature_set in zip(panels, sets, strict=True):
        of_set = [block for block in blocks if block.feature_set == feature_set]
        for name in names:
            found = [(block.severity, block.quotes[name][50]) for block in of_set if name in block.quotes]
            severity, quoted = [at for at, _ in found], [one for _, one in found]
            (line,) = axes.plot(
                severity, [one.value for one in quoted], marker="o", markersize=3, **styles[name]
            )
            line.set_label(name if axes is panels[0] else None)
            if name != names[0]:
                continue
            band = [one.low for one in quoted], [one.high for one in quoted]
            axes.fill_between(severity, *band, color=styles[name]["color"], alpha=0.15, linewidth=0)
        axes.set(title=feature_set, xlabel="severity of the worlds", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(axis="y", color="#E5E5E5")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("median error [m]")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


#: Mass of the regions whose coverage is drawn.
NOMINAL = 0.9


def ablation_figure(question: str, lines: Sequence[Line]) -> Figure:
    """p50 with its intervals, and the share of truths inside the 90 % regions, by variant."""
    variants = list(dict.fromkeys(line.variant for line in lines))
    severities = list(dict.fromkeys(line.severity for line in lines))
    figure = Figure(figsize=(max(7.0, 1.1 * len(variants) + 3), 5.2), layout="constrained")
    figure.suptitle(question, fontsize=10)
    errors, held = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    at = np.arange(len(variants))
    for number, severity in enumerate(severities):
        own = [line for line in lines if line.severity == severity]
        place, colour = at + 0.08 * (number - (len(severities) - 1) / 2), PALETTE[number % len(PALETTE)]
        value = np.array([line.p50.value for line in own])
        reach = np.abs([[line.p50.low - line.p50.value, line.p50.high - line.p50.value] for line in own]).T
        errors.errorbar(
            place, value, reach, fmt="o-", markersize=4, color=colour, label=f"severity {severity:g}"
        )
        held.plot(place, [line.coverage_90 for line in own], "o-", markersize=4, color=colour)
    held.axhline(NOMINAL, color="#BBBBBB", linewidth=4, alpha=0.5, zorder=0)
    errors.set(ylabel="median error [m]", ylim=(0, None))
    held.set(ylabel="truths in 90 % region", ylim=(0, 1))
    held.set_xticks(at, variants, rotation=20, ha="right", fontsize=8)
    for axes in (errors, held):
        axes.grid(axis="y", color="#E5E5E5")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure
