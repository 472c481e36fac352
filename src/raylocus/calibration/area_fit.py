"""Tagged reports of an area without maps: each cell's level by formula, its sites' positions and their clocks.

RSRP = power + common + cell − 10 γ lg d + e and, where there is timing, arrival = d + clock of the site + e', d the
distance to the site, which stands off its listed position as far as that is uncertain. Both errors are Student t;
reports near each other count for the few that are independent. Priors are `FieldLaw`'s. Silence is not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array, diags_array

from raylocus.calibration.level_units import level_over_formula
from raylocus.calibration.measured import FEWEST_LEVELS, FEWEST_POINTS
from raylocus.calibration.tagged_tokens import Estimates, TaggedTokens, clocks_in_frame, listed_energy
from raylocus.errors import InputError
from raylocus.network.field.law import USUAL
from raylocus.network.reports.reports import Reports, require_features
from raylocus.scenes.sites import Deployment

#: Slope of TR 38.901's NLOS formulas, with its deviation.
SLOPE, SLOPE_DEVIATION = 3.7, 0.5
#: Deviation of each cell's own level [dB], and of a clock [m]: the widest of the law.
LEVEL_DEVIATION, CLOCK_DEVIATION = USUAL.cell_offset[1], USUAL.clock[1]
#: Deviation of the level that all share [dB]: nothing is known of it.
COMMON_DEVIATION = 100.0
#: Degrees of freedom of the errors, and scales of levels [dB] and of arrivals [m] before anything is fitted.
FREEDOM, LEVEL_SCALE, ARRIVAL_SCALE = 4.0, 11.0, 50.0
#: Distances count from this on [m], smoothly.
NEAREST = 10.0
ROUNDS = 15


@dataclass(frozen=True)
class AreaFit:
    """An area's network as tagged reports say."""

    reports: int
    levels: Int[np.ndarray, " cell"]
    """Reports that name each cell."""
    cell: Estimates
    """What each cell's level has beyond all cells' [dB]."""
    common: Estimates
    """Level at 1 m over the listed energy of a resource element [dB]."""
    slope: Estimates
    """Exponent of distance γ."""
    moved: Estimates
    """How far each site stands off its listed position: x of all sites, then y [m]."""
    clock: Estimates | None
    """Time of each site's clock within a frame, as a length [m]; None where there is no timing."""
    level_scale: float
    """Of the Student t of levels [dB]."""
    arrival_scale: float
    """Of that of arrivals [m]."""
    over_formula: float
    """Median of levels over listed powers and TR 38.901's formula [dB], see `level_units.level_over_formula`."""

    def mapped(
        self, points: Float[np.ndarray, "point 2"], deployment: Deployment
    ) -> Float[np.ndarray, "point cell"]:
        """RSRP of every cell at some points [dBm]."""
        sites = deployment.site_positions[:, :2] + self.moved.value.reshape(2, -1).T
        apart = np.linalg.norm(points[:, None] - sites[deployment.site_of_cell], axis=-1)
        decades = 10 * np.log10(np.hypot(apart, NEAREST))
        return listed_energy(deployment) + self.common.value + self.cell.value - self.slope.value * decades


class _Layout:
    """Where values stand: cells, common, slope, x and y of sites, clocks."""

    def __init__(self, deployment: Deployment):
        cells, self.sites = len(deployment.cells), len(deployment.sites)
        sizes = (cells, 1, 1, 2 * self.sites, self.sites)
        ends = np.cumsum(sizes).tolist()
        parts = (slice(end - size, end) for end, size in zip(ends, sizes, strict=True))
        self.cell, self.common, self.slope, self.moved, self.clock = parts
        self.size = int(ends[-1])
        stated = np.maximum([site.deviation for site in deployment.sites], 1e-3)
        self.mean, self.deviation = np.zeros(self.size), np.empty(self.size)
        self.mean[self.slope] = SLOPE
        self.deviation[self.cell], self.deviation[self.common] = LEVEL_DEVIATION, COMMON_DEVIATION
        self.deviation[self.slope], self.deviation[self.moved] = SLOPE_DEVIATION, np.tile(stated, 2)
        self.deviation[self.clock] = CLOCK_DEVIATION


def fit_area(reports: Reports, deployment: Deployment) -> AreaFit:
    """MAP by Gauss and Newton's steps with a Student t's weights (EM).

    Args:
        reports: those without a position are passed over.
        deployment: the area's.

    Raises:
        InputError: there is too little to say anything, or no RSRP.
    """
    require_features(reports, ("rsrp",), "calibration reads")
    tagged, layout = TaggedTokens.of(reports, deployment), _Layout(deployment)
    count = int(np.isfinite(tagged.level).sum())
    if tagged.reports < FEWEST_POINTS or count < FEWEST_LEVELS:
        raise InputError(
            f"{tagged.reports} reports of known position with {count} levels of the area's cells are too few to "
            "calibrate an area by; reports without positions say nothing of it yet"
        )
    listed = deployment.site_positions[:, :2]
    values, scales = layout.mean.copy(), np.array([LEVEL_SCALE, ARRIVAL_SCALE])
    values, (design, kind, scales) = _step(tagged, layout, listed, values, scales)
    for _ in range(ROUNDS - 1):
        values, (design, kind, scales) = _step(tagged, layout, listed, values, scales)
    return _found(tagged, layout, values, (design, kind, scales), level_over_formula(tagged, deployment))


def _step(
    tagged: TaggedTokens,
    layout: _Layout,
    listed: Float[np.ndarray, "site 2"],
    values: Float[np.ndarray, " value"],
    scales: Float[np.ndarray, " kind"],
) -> tuple[
    Float[np.ndarray, " value"], tuple[csr_array, Int[np.ndarray, "two row"], Float[np.ndarray, " kind"]]
]:
    """Better values, and the design, the kinds and the scales of the rows that they were found by."""
    design, error, kind = _linear(tagged, layout, listed, values)
    weight, scales = _weights(error, kind, tagged, scales)
    # What no row depends on stays at its prior: of a country's list a log hears a few cells.
    free = np.unique(design.indices)
    pulled = design.T @ (weight * error) - (values - layout.mean) / layout.deviation**2
    better = values.copy()
    better[free] += np.linalg.solve(_normal(design, weight, layout, free), pulled[free])
    return better, (design, kind, scales)


def _linear(
    tagged: TaggedTokens,
    layout: _Layout,
    listed: Float[np.ndarray, "site 2"],
    values: Float[np.ndarray, " value"],
) -> tuple[csr_array, Float[np.ndarray, " row"], Int[np.ndarray, "two row"]]:
    """Derivatives of levels, then arrivals; their errors; of each row whether it is an arrival, and its token."""
    step = tagged.xy - (listed + values[layout.moved].reshape(2, -1).T)[tagged.site]
    apart = np.hypot(np.hypot(*step.T), NEAREST)
    decades, slope = 10 * np.log10(apart), values[layout.slope]
    mapped = values[layout.cell][tagged.cell] + values[layout.common] - slope * decades
    errors = np.stack([tagged.level - mapped, tagged.arrival - values[layout.clock][tagged.site] - apart])
    kind, token = np.nonzero(np.isfinite(errors))
    level, site, row = kind == 0, tagged.site[token], np.arange(len(kind))
    # What a metre of the site's way to the report changes.
    steep = np.where(level, 10 / np.log(10) * slope / apart[token], -1.0) / apart[token]
    own = np.where(level, layout.cell.start + tagged.cell[token], layout.clock.start + site)
    entries = [
        (row, own, np.ones(len(row))),
        (row, layout.moved.start + site, steep * step[token, 0]),
        (row, layout.moved.start + layout.sites + site, steep * step[token, 1]),
        (row[level], np.full(level.sum(), layout.common.start), np.ones(level.sum())),
        (row[level], np.full(level.sum(), layout.slope.start), -decades[token[level]]),
    ]
    rows, columns, slopes = (np.concatenate(each) for each in zip(*entries, strict=True))
    design = csr_array((slopes, (rows, columns)), shape=(len(row), layout.size))
    return design, errors[kind, token], np.stack([kind, token])


def _weights(
    error: Float[np.ndarray, " row"],
    kind: Int[np.ndarray, "two row"],
    tagged: TaggedTokens,
    scales: Float[np.ndarray, " kind"],
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, " kind"]]:
    """EM's weights of a Student t over its squared scale, and the scales that they make likeliest."""
    share = tagged.share[kind[1]]
    expected = (FREEDOM + 1) / (FREEDOM + (error / scales[kind[0]]) ** 2)
    square, total = (np.bincount(kind[0], each, 2) for each in (share * expected * error**2, share))
    found = np.where(total > 0, np.sqrt(square / np.maximum(total, 1e-9)), scales)
    return share * expected / found[kind[0]] ** 2, found


def _normal(
    design: csr_array, weight: Float[np.ndarray, " row"], layout: _Layout, free: Int[np.ndarray, " free"]
) -> Float[np.ndarray, "free free"]:
    """Of the values that rows depend on."""
    part = design[:, free]
    normal: Float[np.ndarray, "free free"] = (part.T @ diags_array(weight) @ part).toarray()
    return normal + np.diag(layout.deviation[free] ** -2.0)


def _found(
    tagged: TaggedTokens,
    layout: _Layout,
    values: Float[np.ndarray, " value"],
    last: tuple[csr_array, Int[np.ndarray, "two row"], Float[np.ndarray, " kind"]],
    over_formula: float,
) -> AreaFit:
    """Deviations by the expected information of a Student t: (ν + 1) / (ν + 3) of a Gaussian's of its scale."""
    design, kind, scales = last
    information = tagged.share[kind[1]] * (FREEDOM + 1) / (FREEDOM + 3) / scales[kind[0]] ** 2
    free, deviation = np.unique(design.indices), layout.deviation.copy()
    deviation[free] = np.sqrt(np.diag(np.linalg.inv(_normal(design, information, layout, free))))

    def part(of: slice) -> Estimates:
        return Estimates(values[of], deviation[of])

    heard = tagged.cell[np.isfinite(tagged.level)]
    clock = clocks_in_frame(part(layout.clock), tagged)
    return AreaFit(
        reports=tagged.reports,
        levels=np.bincount(heard, minlength=layout.cell.stop),
        cell=part(layout.cell),
        common=part(layout.common),
        slope=part(layout.slope),
        moved=part(layout.moved),
        clock=clock if np.isfinite(tagged.arrival).any() else None,
        level_scale=float(scales[0]),
        arrival_scale=float(scales[1]),
        over_formula=over_formula,
    )
