"""How wrong is a map? What measurements of known position say of each cell of it, before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from raylocus.calibration.labelled_calibration import LabelledCalibration
from raylocus.calibration.labelled_model import LabelledModel
from raylocus.calibration.level_units import unit_notes
from raylocus.scenes.sites import Deployment

#: An unreported cell counts as expected where the map, levels corrected, has it this far above what is audible [dB].
EXPECTED_DB = 10.0


@dataclass(frozen=True)
class CellCheck:
    """What is known of one cell."""

    pci: int
    site: str
    levels: int
    """Ground cells at which it was heard."""
    level_db: float
    """Median of reported less mapped level; NaN where it was never heard."""
    robust_deviation_db: float
    """1.4826 times their median absolute deviation about it."""
    dark: float
    """Share of them to which the map has no path."""
    expected: int
    """Ground cells at which it is expected or was heard."""
    silent: float
    """Share of those at which it was not reported."""
    azimuth_error: float
    """Estimated azimuth less the listed one [rad]."""
    azimuth_deviation: float
    """Standard deviation of that [rad]."""


@dataclass(frozen=True)
class MapCheck:
    """What measurements say of the map of a place."""

    cells: tuple[CellCheck, ...]
    residual: Float[np.ndarray, " token"]
    """Reported less mapped levels, each cell's median taken off [dB]."""
    correlation: Float[np.ndarray, " bin"]
    """Autocorrelation over the ground of what calibration leaves, at the middles of `DISTANCES`."""
    notes: tuple[str, ...]


#: Bins of distance of the correlogram [m].
DISTANCES = np.array([0.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 80.0, 110.0, 150.0])


def check_map(found: LabelledCalibration, deployment: Deployment) -> MapCheck:
    """Compares the listed antennas' map with the measurements that a calibration is of."""
    model = found.model
    best = model.modelled(found.prior.mean).best
    error = model.measured.heard.level - best[model.heard_point]
    level = np.array([_median(error[model.heard.cell == cell]) for cell in range(model.layout.cells)])
    residual = error - level[model.heard.cell]
    cells = tuple(
        _cell_check(found, deployment, cell, (best, error, level)) for cell in range(model.layout.cells)
    )
    shared = found.prior.layout.index("common").start
    level, sure = found.posterior.values[shared], found.posterior.deviation[shared]
    notes = [*unit_notes(float(level), float(sure), deployment.carrier), *_unheard_notes(cells)]
    left = model.under(found.noise).errors(model.modelled(found.posterior.values).best)
    return MapCheck(cells, residual, correlogram(model, left), tuple(notes))


def _median(values: Float[np.ndarray, " n"]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _cell_check(
    found: LabelledCalibration,
    deployment: Deployment,
    cell: int,
    levels: tuple[Float[np.ndarray, " point"], Float[np.ndarray, " token"], Float[np.ndarray, " cell"]],
) -> CellCheck:
    (best, error, level), model = levels, found.model
    own, silent = model.heard.cell == cell, np.flatnonzero(model.silent.cell == cell)
    offset = level[cell] if np.isfinite(level[cell]) else np.nanmedian(level)
    audible = model.measured.silent.audible[silent]
    missed = int((best[model.silent_point[silent]] + offset > audible + EXPECTED_DB).sum())
    expected, azimuth = int(own.sum()) + missed, model.layout.index("azimuth").start + cell
    return CellCheck(
        pci=deployment.cells[cell].pci,
        site=deployment.sites[deployment.cells[cell].site].name,
        levels=int(own.sum()),
        level_db=level[cell],
        robust_deviation_db=1.4826 * _median(np.abs(error[own] - level[cell])),
        dark=float(model.dark[model.heard_point[own]].mean()) if own.any() else float("nan"),
        expected=expected,
        silent=missed / expected if expected else float("nan"),
        azimuth_error=float(found.posterior.values[azimuth]),
        azimuth_deviation=float(found.posterior.deviation[azimuth]),
    )


def correlogram(model: LabelledModel, residual: Float[np.ndarray, " token"]) -> Float[np.ndarray, " bin"]:
    """Mean product of signs' scores of one cell's residuals by their distance; robust to heavy tails."""
    reach, pairs = len(DISTANCES) - 1, np.zeros((2, len(DISTANCES) - 1))
    scale = 1.4826 * np.median(np.abs(residual))
    score = np.clip(residual / max(scale, 1e-6), -2.5, 2.5)
    for cell in np.unique(model.heard.cell):
        own = np.flatnonzero(model.heard.cell == cell)[:1500]
        apart = np.linalg.norm(model.heard.xy[own][:, None] - model.heard.xy[own][None], axis=-1)
        upper = np.triu_indices(len(own), 1)
        which = np.digitize(apart[upper], DISTANCES) - 1
        product = np.outer(score[own], score[own])[upper]
        inside = which < reach
        pairs[0] += np.bincount(which[inside], product[inside], reach)
        pairs[1] += np.bincount(which[inside], minlength=reach)
    with np.errstate(invalid="ignore"):
        return pairs[0] / pairs[1] / np.mean(score**2)


def _unheard_notes(cells: tuple[CellCheck, ...]) -> list[str]:
    unheard = [str(each.pci) for each in cells if not each.levels]
    return [f"cells that were never heard (PCI): {', '.join(unheard)}"] if unheard else []
