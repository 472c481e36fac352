"""Pictures of a benchmark: the median error of every method against the severity of worlds."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from raylocus.evaluation.benchmark.blocks import Block
from raylocus.evaluation.references import BOUND_NAME, TRUE_MAPS_NAME
from raylocus.viz.style import method_styles


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
