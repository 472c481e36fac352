"""Figures of a dataset: what features reports have, how they are distributed, and where UEs were."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from raylocus.datasets.splits import NO_SPLIT_NAME, SPLITS
from raylocus.datasets.summary import DatasetSummary
from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.viz.maps import draw_buildings, draw_layer, draw_sites, finish_map
from raylocus.viz.style import PALETTE

#: Colour of each split, the same in every figure.
SPLIT_COLOURS = dict(zip(("test", "train", "validation"), PALETTE, strict=False)) | {
    NO_SPLIT_NAME: PALETTE[-1]
}
#: Histograms next to each other.
HISTOGRAM_COLUMNS = 6
#: Reports of a place that are drawn, at the most.
MOST_POINTS = 20_000


def availability_figure(summary: DatasetSummary) -> Figure:
    """How often every feature is there: share of the tokens of its kind, by split."""
    names = [feature.name for feature in summary.features]
    figure = Figure(
        figsize=(7.5, 1.2 + 0.19 * len(names) * max(len(summary.splits), 1) ** 0.5), layout="constrained"
    )
    axes = figure.subplots()
    rows, height = np.arange(len(names)), 0.8 / len(summary.splits)
    for number, split in enumerate(summary.splits):
        axes.barh(rows + (number - (len(summary.splits) - 1) / 2) * height, np.nan_to_num(split.availability), height,
                  color=SPLIT_COLOURS[split.name], label=split.name)  # fmt: skip
    axes.set(
        xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xlabel="share of the tokens of its kind that have it"
    )
    axes.set_yticks(rows, names, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper right", ncols=4, frameon=False, fontsize=8)
    return figure


def histograms_figure(summary: DatasetSummary) -> Figure:
    """The distribution of every feature that is there, by split; each line's area is one."""
    shown = [index for index in range(len(summary.features)) if np.isfinite(summary.edges[index, 0])]
    columns = min(HISTOGRAM_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(2.5 * columns, 1.75 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, index in zip(grid, shown, strict=False):
        feature, edges = summary.features[index], summary.edges[index]
        for split in summary.splits:
            counts = split.histograms[index]
            if counts.sum():
                axes.stairs(
                    counts / counts.sum(),
                    edges,
                    color=SPLIT_COLOURS[split.name],
                    label=split.name,
                    linewidth=1.2,
                )
        unit = "" if feature.unit == "1" else f" [{feature.unit}]"
        axes.set_title(f"{feature.name}{unit}", fontsize=8, loc="left")
        used = np.flatnonzero(sum(split.histograms[index] for split in summary.splits))
        axes.set(xlim=(edges[used[0]], edges[used[-1] + 1]), yticks=[])
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right", "left"]].set_visible(False)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    figure.legend(
        handles=_split_legend([split.name for split in summary.splits], "-"),
        loc="outside upper right",
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    return figure


def hearing_figure(summary: DatasetSummary) -> Figure:
    """Cells named in a report, by split, and what of each place is covered and in line of sight."""
    figure = Figure(figsize=(11, max(3.6, 1.6 + 0.3 * len(summary.places))), layout="constrained")
    left, right = figure.subplots(1, 2)
    most = max(int(np.flatnonzero(split.heard_cells).max(initial=1)) for split in summary.splits)
    width = 0.8 / len(summary.splits)
    for number, split in enumerate(summary.splits):
        share = split.heard_cells[: most + 1] / max(split.heard_cells.sum(), 1)
        place = np.arange(most + 1) + (number - (len(summary.splits) - 1) / 2) * width
        left.bar(place, share, width, color=SPLIT_COLOURS[split.name], label=split.name)
    left.set(xlim=(0.4, most + 0.6), xlabel="cells in a report", ylabel="share of the reports")
    left.legend(frameon=False, fontsize=8)
    rows = np.arange(len(summary.places))
    right.barh(rows - 0.2, [place.covered for place in summary.places], 0.36, color=PALETTE[4],
               label="outdoor ground with a report")  # fmt: skip
    right.barh(rows + 0.2, [np.nan_to_num(place.line_of_sight) for place in summary.places], 0.36, color=PALETTE[5],
               label="reports in line of sight")  # fmt: skip
    right.set(xlim=(0, 1), ylim=(max(len(rows), 3) - 0.4, -0.6), xlabel="share")
    right.set_yticks(rows, [place.name for place in summary.places], fontsize=8)
    right.legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def place_figure(
    place: MappedPlace,
    position: Float[np.ndarray, "report 2"],
    split: Shaped[np.ndarray, " report"],
    title: str,
) -> Figure:
    """A preview of a place: the strongest beam's RSRP, and where reports were made, by split.

    Args:
        place: its maps and sites.
        position: of its reports [m].
        split: of each report, by name.
        title: what it shows.
    """
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    level = place.radio_maps["rsrp_beam"].max(("cell", "beam")).assign_attrs(units="dBm")
    draw_layer(left, level, place)
    finish_map(left, place.tile, "RSRP of the strongest beam")
    draw_buildings(right, place)
    draw_sites(right, place.deployment, place.tile)
    step = max(1, -(-len(position) // MOST_POINTS))
    names = [name for name in (*SPLITS, NO_SPLIT_NAME) if np.any(split == name)]
    for name in reversed(names):
        own = position[split == name][::step]
        right.plot(
            own[:, 0], own[:, 1], ".", markersize=2.5, alpha=0.7, color=SPLIT_COLOURS[name], label=name
        )
    finish_map(right, place.tile, f"{len(position)} reports by split")
    right.legend(handles=_split_legend(names, "."), fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle(title, fontsize=11)
    return figure


def _split_legend(names: list[str], mark: Literal["-", "."]) -> list[Line2D]:
    """A line or a dot in the colour of each split."""
    return [
        Line2D([], [], color=SPLIT_COLOURS[name], label=name)
        if mark == "-"
        else Line2D([], [], linestyle="", marker=mark, markersize=9, color=SPLIT_COLOURS[name], label=name)
        for name in names
    ]
