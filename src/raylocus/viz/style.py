"""Colours and type that all figures share; safe for colour-blind readers (Okabe and Ito 2008)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Okabe and Ito's palette without yellow, which is too pale for lines; the learned model comes first.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A5195", "#666666")
#: Dashes that distinguish methods whose colours come round again.
DASHES = ("-", "--", ":")
BOUND_COLOUR = "#000000"
BUILDING_COLOUR = "#C9C9C9"
TRUTH_COLOUR = "#000000"
ESTIMATE_COLOUR = "#D55E00"
REGION_COLOUR = "#0072B2"
SITE_COLOUR = "#7A5195"


def method_styles(names: Sequence[str], references: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Line style of each method, the same in every figure that is given the same names.

    Args:
        names: all methods, in the order of the table.
        references: those that are limits and not methods; they are black.
    """
    colours = cycle(PALETTE)
    styles: dict[str, dict[str, Any]] = {}
    plain = [name for name in names if name not in references]
    for index, name in enumerate(plain):
        styles[name] = {"color": next(colours), "linestyle": DASHES[index // len(PALETTE) % len(DASHES)]}
    for index, name in enumerate(name for name in names if name in references):
        styles[name] = {"color": BOUND_COLOUR, "linestyle": DASHES[(index + 1) % len(DASHES)]}
    return styles


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that size [inch] with one plain set of axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
