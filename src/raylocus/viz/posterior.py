"""Maps of single answers: where the method thinks the UE is, and where it was."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from raylocus.models.inputs.nominal_maps import MappedPlace
from raylocus.models.posterior import Posterior
from raylocus.viz.maps import draw_buildings, draw_sites, extent, finish_map
from raylocus.viz.style import ESTIMATE_COLOUR, REGION_COLOUR, TRUTH_COLOUR, new_axes

#: Transparent where there is no mass, so that the buildings stay visible.
HEAT = LinearSegmentedColormap.from_list(
    "heat", [(0.0, "#56B4E900"), (0.25, "#56B4E9AA"), (1.0, "#08306BFF")]
)
#: A Gaussian's 90 % region is an ellipse of this many standard deviations: √(−2 ln 0.1).
ELLIPSE_90 = float(np.sqrt(-2 * np.log(0.1)))


def posterior_figure(
    posterior: Posterior,
    sample: int,
    place: MappedPlace,
    track: Float[np.ndarray, "report 2"],
    title: str,
) -> Figure:
    """The answer to one sequence: heatmap, 90 % region, error ellipse, estimate, true track and end.

    Args:
        posterior: answers of one method.
        sample: which sequence.
        place: where it is.
        track: true positions of the sequence's reports [m], the last being asked for.
        title: what it shows.
    """
    figure, axes = new_axes(5.4, 5.8)
    draw_buildings(axes, place)
    draw_density(axes, posterior, sample)
    draw_sites(axes, place.deployment, place.tile)
    axes.plot(*track.T, "-", color=TRUTH_COLOUR, linewidth=1.0, alpha=0.7, label="true track", zorder=6)
    axes.plot(*posterior.mean[sample], "X", color=ESTIMATE_COLOUR, markeredgecolor="white", markersize=8,
              label="estimate", zorder=7)  # fmt: skip
    axes.plot(
        *track[-1], "*", color=TRUTH_COLOUR, markeredgecolor="white", markersize=12, label="truth", zorder=8
    )
    finish_map(axes, place.tile, title)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def draw_density(axes: Axes, posterior: Posterior, sample: int) -> None:
    """The heatmap, the outline of the 90 % region and the 90 % ellipse of the covariance."""
    density = posterior.density[sample]
    # The square root lets the foot of the density be seen next to its peak.
    axes.imshow(np.sqrt(density / density.max()), origin="lower", extent=extent(posterior.grid), cmap=HEAT,
                vmin=0, vmax=1, interpolation="nearest", zorder=2)  # fmt: skip
    inside = density >= region_threshold(density, 0.9)
    if not inside.all():
        axes.contour(posterior.grid.x_coordinates, posterior.grid.y_coordinates, inside.astype(float), levels=[0.5],
                     colors=REGION_COLOUR, linewidths=1.0, zorder=3)  # fmt: skip
    axes.plot([], [], color=REGION_COLOUR, linewidth=1.0, label="90 % region")
    axes.add_patch(error_ellipse(posterior, sample))


def region_threshold(density: Float[np.ndarray, "y x"], mass: float) -> float:
    """The least mass of a ground cell in the highest-density region that holds `mass`."""
    ordered = np.sort(density.ravel().astype(np.float64))[::-1]
    return float(ordered[min(int(np.searchsorted(np.cumsum(ordered), mass)), len(ordered) - 1)])


def error_ellipse(posterior: Posterior, sample: int) -> Ellipse:
    """The ellipse that would hold 90 % were the posterior Gaussian about its estimate."""
    variance, axes = np.linalg.eigh(posterior.covariance[sample])
    minor, major = 2 * ELLIPSE_90 * np.sqrt(np.maximum(variance, 0))
    angle = float(np.rad2deg(np.arctan2(axes[1, 1], axes[0, 1])))
    return Ellipse(
        tuple(posterior.mean[sample]), major, minor, angle=angle, fill=False, linestyle="--",
        edgecolor=ESTIMATE_COLOUR, linewidth=1.2, zorder=6, label="90 % ellipse",
    )  # fmt: skip
