"""Curves over all sequences: how errors are distributed, and how honest the regions are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from raylocus.evaluation.breakdown import Group
from raylocus.evaluation.evaluation import Evaluation
from raylocus.viz.style import method_styles, new_axes

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
