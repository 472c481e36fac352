"""What a file of reports holds, drawn: where it was made, levels over distance, heard cells, gaps of time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates
from raylocus.scenes.area import Area, extent_of
from raylocus.scenes.place import Place
from raylocus.scenes.sites import Deployment
from raylocus.viz.style import PALETTE, SITE_COLOUR, new_axes

#: Largest number of points of a scatter plot; more are thinned evenly.
POINTS = 20_000
#: Least distance that is drawn [m], on a logarithmic axis.
NEAREST = 1.0
#: Half side of the map, as a multiple of the farthest point of truth and edge from the origin.
MARGIN = 1.1


def truth_figure(reports: Reports, place: Place | Area) -> Figure:
    """Map of the true positions, coloured by heard cells, with the sites and the edge of the tile or area."""
    figure, axes = new_axes(6.4, 5.6)
    known = np.flatnonzero(~np.isnan(reports.position[:, 0]))
    title = f"true positions of {len(known)} reports"
    known = known[:: _step(len(known))]
    x, y = reports.position[known, :2].T
    drawn = axes.scatter(x, y, c=reports.heard_cells[known], s=6, cmap="viridis", linewidths=0)
    figure.colorbar(drawn, ax=axes, label="heard cells")
    sites = place.deployment.site_positions
    axes.scatter(sites[:, 0], sites[:, 1], marker="^", s=36, color=SITE_COLOUR, label="site")
    edge = extent_of(place)
    west, south, east, north = edge.west, edge.south, edge.east, edge.north
    axes.plot(
        [west, east, east, west, west],
        [south, south, north, north, south],
        color="#666666",
        lw=0.8,
        label="edge",
    )
    axes.set(xlabel="x / m", ylabel="y / m", aspect="equal", title=title)
    # Sites far away, heard or wrong in a list, do not shrink the map.
    span = MARGIN * np.abs([*x, *y, west, south, east, north]).max()
    axes.set(xlim=(-span, span), ylim=(-span, span))
    axes.legend(loc="upper right", fontsize=8)
    return figure


def distance_figure(reports: Reports, deployment: Deployment) -> Figure:
    """RSRP of each heard cell of the place against the distance to its site."""
    figure, axes = new_axes(6.4, 4.2)
    distance, level, serving = levels_over_distance(reports, deployment)
    for mask, colour, name in ((~serving, PALETTE[1], "heard"), (serving, PALETTE[0], "serving")):
        axes.scatter(distance[mask], level[mask], s=5, color=colour, alpha=0.4, linewidths=0, label=name)
    axes.set(xlabel="distance to the cell's site / m", ylabel="RSRP / dBm", title="level against distance")
    if len(distance):
        axes.set_xscale("log")
        axes.legend(fontsize=8)
    return figure


def levels_over_distance(
    reports: Reports, deployment: Deployment
) -> tuple[Float[np.ndarray, " drawn"], Float[np.ndarray, " drawn"], Bool[np.ndarray, " drawn"]]:
    """Distance over the ground [m], RSRP [dBm] and whether it serves, of whole cells heard at a known position."""
    position = reports.position[reports.report_of_token, :2]
    level = reports.features[:, reports.feature_names.index("rsrp")]
    cells = nearest_candidates(deployment.candidates(reports), reports, deployment)
    known = (cells >= 0) & (reports.beam < 0)
    tokens = np.flatnonzero(known & ~np.isnan(position[:, 0]) & ~np.isnan(level))
    tokens = tokens[:: _step(len(tokens))]
    sites = deployment.site_positions[deployment.site_of_cell[cells[tokens]]]
    distance = np.hypot(*(position[tokens] - sites[:, :2]).T)
    return np.maximum(distance, NEAREST), level[tokens], reports.serving[tokens]


def heard_figure(reports: Reports, deployment: Deployment) -> Figure:
    """Histogram of heard cells a report, all of them and those of the place."""
    figure, axes = new_axes(6.4, 3.6)
    whole = reports.beam < 0
    known = whole & deployment.candidates(reports).known
    for mask, colour, name in ((whole, PALETTE[1], "all"), (known, PALETTE[0], "of the place")):
        counts = np.bincount(reports.report_of_token[mask], minlength=len(reports.time))
        axes.hist(
            counts,
            (np.arange(counts.max(initial=0) + 2) - 0.5).tolist(),
            histtype="step",
            color=colour,
            label=name,
        )
    axes.set(xlabel="cells in a report", ylabel="reports", title="heard cells")
    axes.legend(fontsize=8)
    return figure


def gaps_figure(reports: Reports) -> Figure:
    """Histogram of the time between two reports of one sequence."""
    figure, axes = new_axes(6.4, 3.6)
    gaps = gaps_of(reports)
    if not len(gaps):
        _say(axes, "no sequence has two reports")
    else:
        axes.hist(gaps, bins=40, color=PALETTE[1])
        axes.set(yscale="log")
    axes.set(xlabel="time between two reports / s", ylabel="pairs of reports", title="gaps")
    return figure


def gaps_of(reports: Reports) -> Float[np.ndarray, " gap"]:
    """Times between successive reports of one sequence [s]."""
    same = np.diff(reports.sequence_of_report) == 0
    return np.diff(reports.time)[same]


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)


def _step(count: int) -> int:
    return max(1, -(-count // POINTS))
