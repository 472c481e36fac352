"""Curves and bars of evaluations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from raylocus.evaluation.ablation.summary import Line
from raylocus.evaluation.benchmark.blocks import Block
from raylocus.evaluation.breakdown import Group
from raylocus.evaluation.evaluation import Evaluation
from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME
from raylocus.viz.style import PALETTE, method_styles, new_axes

#: Errors below this are drawn at it [m]: the logarithmic axis has no zero.
LEAST_ERROR = 0.5


def error_cdf_figure(evaluations: Sequence[Evaluation], references: Sequence[str] = ()) -> Figure:
    """Share of sequences with an error below each distance, one line a method.

    Args:
        evaluations: all methods.
        references: names of those that are limits and not methods.
    """
    figure, axes = new_axes(8.4, 4.6)
    styles = method_styles([one.name for one in evaluations], references)
    for one in evaluations:
        error = np.sort(np.maximum(one.error, LEAST_ERROR))
        share = np.arange(1, len(error) + 1) / len(error)
        axes.step(
            error, share, where="post", label=f"{one.name} ({one.percentile(50.0):.0f} m)", **styles[one.name]
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axhline(0.5, color="#BBBBBB", linewidth=0.8, zorder=0)
    axes.grid(axis="x", which="major", color="#E5E5E5")
    axes.set(
        xlabel="horizontal error [m]", ylabel="share of sequences", ylim=(0, 1), xlim=(LEAST_ERROR, None)
    )
    figure.legend(
        loc="outside right upper", fontsize=8, frameon=False, title="method (median)", title_fontsize=8
    )
    return figure


def reliability_figure(evaluations: Sequence[Evaluation], references: Sequence[str] = ()) -> Figure:
    """Share of truths inside the region of each nominal mass; a calibrated method follows the diagonal."""
    figure, axes = new_axes(7.6, 4.8)
    styles = method_styles([one.name for one in evaluations], references)
    nominal = np.linspace(0, 1, 41)
    axes.plot([0, 1], [0, 1], color="#BBBBBB", linewidth=6, alpha=0.5, zorder=0)
    for one in evaluations:
        axes.plot(
            nominal, [one.coverage(float(mass)) for mass in nominal], label=one.name, **styles[one.name]
        )
    axes.set(xlabel="nominal mass of the region", ylabel="share of truths inside", xlim=(0, 1), ylim=(0, 1))
    axes.set_box_aspect(1)
    axes.text(0.97, 0.03, "below the diagonal: too sure", ha="right", fontsize=8, color="#555555")
    axes.text(0.03, 0.95, "above: not sure enough", fontsize=8, color="#555555")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def breakdown_figure(
    evaluations: Sequence[Evaluation], groups: Sequence[Group], references: Sequence[str] = ()
) -> Figure:
    """Median error of each method in each group of sequences."""
    figure, axes = new_axes(8.4, 4.2)
    styles = method_styles([one.name for one in evaluations], references)
    places = np.arange(len(groups))
    for one in evaluations:
        medians = [group.median(one) for group in groups]
        axes.plot(places, medians, marker="o", markersize=4, label=one.name, **styles[one.name])
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=8)
    axes.set_xticks(places, [f"{group.label}\n({int(group.members.sum())})" for group in groups])
    axes.set(ylabel="median error [m]", xlim=(-0.4, len(groups) - 0.6))
    axes.grid(axis="y", color="#E5E5E5")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


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
