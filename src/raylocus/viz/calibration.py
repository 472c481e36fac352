"""How wrong a map is, drawn: residuals over the ground, their law and correlation, antennas as listed and as found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from scipy.stats import t

from raylocus.calibration.check import DISTANCES, CellCheck, MapCheck
from raylocus.calibration.labelled_calibration import LabelledCalibration
from raylocus.calibration.severity import SEVERITIES, Severity
from raylocus.propagation.maps.traced_place import TracedPlace
from raylocus.viz import html
from raylocus.viz.maps import finish_map
from raylocus.viz.style import PALETTE, SITE_COLOUR, new_axes

#: Residuals beyond this have one colour [dB].
SPAN_DB = 25.0


def calibration_page(
    found: LabelledCalibration, check: MapCheck, severity: Severity, place: TracedPlace, notes: Sequence[str]
) -> str:
    """The page of a check of one carrier of a place."""
    measured = found.model.measured
    body = [
        html.heading(f"How wrong is the map of {place.name}?", 1),
        html.paragraph(
            f"{measured.points} reports of known position, {len(measured.heard.level)} levels at ground cells, "
            f"{len(measured.beamed.cell)} reports of beams. Residuals are reported less mapped level, each cell's "
            "median taken off."
        ),
        html.definitions(severity_terms(severity, found)),
        *(html.paragraph(f"Note: {note}.") for note in (*notes, *check.notes)),
        html.heading("Cells"),
        html.table(CELL_HEADINGS, [cell_row(each) for each in check.cells], [""] * len(check.cells)),
        html.image(residual_map(found, check, place), "residuals over the ground, all cells"),
        html.image(antenna_map(found, place), "azimuths as listed (grey) and as estimated (colour)"),
        html.image(residual_law_figure(found, check), "residuals, and the law that was fitted to them"),
        html.image(
            correlation_figure(found, check), "correlation over the ground of what calibration leaves"
        ),
        html.image(severity_figure(severity), "probability of the measurements by the severity of the world"),
    ]
    return html.page(f"Check of {place.name}", body)


#: Headings of the table of cells.
CELL_HEADINGS = (
    "PCI",
    "site",
    "levels",
    "level / dB",
    "robust σ / dB",
    "without a path",
    "silent where expected",
    "azimuth off / °",
)


def cell_row(cell: CellCheck) -> tuple[str, ...]:
    """One row of the table of cells."""
    turn, deviation = np.rad2deg([cell.azimuth_error, cell.azimuth_deviation])
    return (
        str(cell.pci),
        cell.site,
        str(cell.levels),
        _number(cell.level_db, "+.1f"),
        _number(cell.robust_deviation_db, ".1f"),
        _number(cell.dark, ".0%"),
        f"{_number(cell.silent, '.0%')} of {cell.expected}",
        f"{turn:+.1f} ± {deviation:.1f}",
    )


def severity_terms(severity: Severity, found: LabelledCalibration) -> list[tuple[str, str]]:
    """What is said of a whole network."""
    law = found.noise.levels
    return [
        ("severity", f"{severity.value:.2f}, 90 % between {severity.low:.2f} and {severity.high:.2f}"),
        ("robust deviation after calibration", f"{law.robust_deviation:.1f} dB"),
        ("correlation distance", f"{law.distance:.0f} m"),
        ("share that is each report's own", f"{law.own_share:.0%}"),
        (
            "unreported though found",
            "not read" if found.noise.dropout is None else f"{found.noise.dropout:.0%}",
        ),
    ]


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def residual_map(found: LabelledCalibration, check: MapCheck, place: TracedPlace) -> Figure:
    """Residuals at the points, with the sites."""
    figure, axes = new_axes(6.6, 5.6)
    x, y = found.model.heard.xy.T
    drawn = axes.scatter(
        x, y, c=check.residual, s=9, cmap="RdBu_r", vmin=-SPAN_DB, vmax=SPAN_DB, linewidths=0
    )
    figure.colorbar(drawn, ax=axes, label="residual / dB")
    sites = place.deployment.site_positions
    axes.scatter(sites[:, 0], sites[:, 1], marker="^", s=36, color=SITE_COLOUR)
    finish_map(axes, place.tile, "reported less mapped level")
    return figure


def antenna_map(found: LabelledCalibration, place: TracedPlace) -> Figure:
    """Boresights as listed and as estimated, each with its deviation as a fan."""
    figure, axes = new_axes(5.8, 5.6)
    index, length = found.prior.layout.index("azimuth"), 0.12 * place.tile.size
    turns, deviations = found.posterior.values[index], found.posterior.deviation[index]
    for number, (cell, turn, deviation) in enumerate(
        zip(place.deployment.cells, turns, deviations, strict=True)
    ):
        x, y, _ = place.deployment.sites[cell.site].position
        colour = PALETTE[number % len(PALETTE)]
        for azimuth, style in ((cell.azimuth, "#AAAAAA"), (cell.azimuth + turn, colour)):
            ray = length * np.array([np.cos(azimuth), np.sin(azimuth)])
            axes.plot([x, x + ray[0]], [y, y + ray[1]], color=style, lw=1.8)
        fan = cell.azimuth + turn + np.linspace(-1.645, 1.645, 15) * min(deviation, 1.0)
        axes.fill(
            [x, *(x + length * np.cos(fan))], [y, *(y + length * np.sin(fan))], color=colour, alpha=0.2, lw=0
        )
    finish_map(axes, place.tile, "antennas, 90 % fans")
    return figure


def residual_law_figure(found: LabelledCalibration, check: MapCheck) -> Figure:
    """Histogram of residuals with the fitted Student t."""
    figure, axes = new_axes(6.4, 3.8)
    law, level = found.noise.levels, np.linspace(-60, 60, 400)
    axes.hist(np.clip(check.residual, -60, 60), bins=48, density=True, color=PALETTE[4], label="before")
    after = found.model.under(found.noise).errors(found.model.modelled(found.posterior.values).best)
    axes.hist(
        np.clip(after, -60, 60), bins=48, density=True, histtype="step", color=PALETTE[0], label="after"
    )
    fitted = t.pdf(level / law.scale, law.freedom) / law.scale
    axes.plot(level, fitted, color=PALETTE[1], label="fitted law")
    axes.set(xlabel="residual / dB", ylabel="density / 1/dB")
    axes.legend(fontsize=8, frameon=False)
    return figure


def correlation_figure(found: LabelledCalibration, check: MapCheck) -> Figure:
    """Correlogram with the fitted law."""
    figure, axes = new_axes(6.4, 3.6)
    law, middle = found.noise.levels, (DISTANCES[1:] + DISTANCES[:-1]) / 2
    axes.plot(middle, check.correlation, "o", color=PALETTE[0], label="residuals")
    fine: Float[np.ndarray, " distance"] = np.linspace(0, DISTANCES[-1], 200)
    axes.plot(fine, (1 - law.own_share) * np.exp(-fine / law.distance), color=PALETTE[1], label="fitted law")
    axes.axhline(0, color="#BBBBBB", lw=0.8)
    axes.set(xlabel="distance / m", ylabel="correlation", ylim=(-0.4, 1.05))
    axes.legend(fontsize=8, frameon=False)
    return figure


def severity_figure(severity: Severity) -> Figure:
    """ln evidence by severity, with the interval."""
    figure, axes = new_axes(6.4, 3.2)
    axes.plot(SEVERITIES, np.maximum(severity.log_evidence, -40), "o-", color=PALETTE[1])
    axes.axvspan(severity.low, severity.high, color=PALETTE[0], alpha=0.2, lw=0)
    axes.set(xlabel="severity", ylabel="ln probability (highest 0)")
    return figure
