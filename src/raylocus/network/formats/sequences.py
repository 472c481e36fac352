"""Rows of heard cells as `Reports`: where they lie, scans become reports, a device's reports become sequences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.formats.cell_resolution import token_names
from raylocus.network.formats.measurements import Measurements
from raylocus.network.reports.features import CRITICAL, FEATURES, logged_levels, logged_range
from raylocus.network.reports.reports import Reports
from raylocus.scenes.area import Area
from raylocus.scenes.cell_names.candidates import TokenNames
from raylocus.scenes.cell_names.channels import LTE, NB_IOT
from raylocus.scenes.place import Place
from raylocus.scenes.place_checks import LARGEST_NUMEROLOGY
from raylocus.scenes.sites import UE_HEIGHT, Deployment
from raylocus.units import timing_advance_step

#: Longest time between two reports of one sequence [s].
GAP = 60.0


def contains(place: Place | Area, xy: Float[np.ndarray, "known 2"]) -> Bool[np.ndarray, " known"]:
    """Whether points lie in the tile of a place, or the extent of an area."""
    return place.extent.contains(xy) if isinstance(place, Area) else place.tile.contains(xy)


def ue_heights(place: Place | Area, xy: Float[np.ndarray, "known 2"]) -> Float[np.ndarray, " known"]:
    """Height of UEs over the ground [m]: that of a GPS receiver is too poor. NaN where no ground is known."""
    if not isinstance(place, Area):
        heights = place.geometry_maps["terrain"].values.ravel().astype(float)
        index = place.tile.index(xy)
        return np.where(index >= 0, heights[index] + UE_HEIGHT, np.nan)
    if place.ground is None:
        return np.full(len(xy), UE_HEIGHT)
    terrain = place.ground["terrain"]
    column, row = (
        np.abs(terrain[axis].values - at[:, None]).argmin(axis=1) for axis, at in zip("xy", xy.T, strict=True)
    )
    return np.asarray(terrain.values[row, column] + UE_HEIGHT, dtype=float)


@dataclass(frozen=True)
class SequencedRows:
    """Reports, and the rows that they are made of."""

    reports: Reports
    rows: Int[np.ndarray, " token"]
    """Index of each token's row among the measurements."""
    refused: Counter[str]
    notes: Counter[str]


def sequence_rows(measured: Measurements, place: Place | Area, gap: float = GAP) -> SequencedRows:
    """Reports of rows, each with a PCI and a level.

    Args:
        measured: the rows, at least one.
        place: whose frame and ground the true positions lie in.
        gap: a longer time between two reports of a device [s] begins a new sequence.
    """
    arranged = _arranged(measured)
    rows, first = arranged.rows, np.flatnonzero(arranged.begins)
    report = np.cumsum(arranged.begins) - 1
    time = arranged.time[first]
    starts = _sequence_starts(arranged.device[first], time, gap)
    serving, further = _one_serving(measured.serving[rows], report)
    position, notes = _positions(measured, rows, report, place)
    names = token_names(measured.select(rows))
    numerologies = _numerologies(names, place.deployment)
    features, censored, advances = _features(measured, rows, serving, names.technology, numerologies)
    notes["further serving cells of one report, taken as heard"] += further
    notes["timing advances that are not of the serving cell or out of range, left out"] += advances
    reports = Reports(
        report_offsets=np.append(starts, len(first)).astype(np.int64),
        token_offsets=np.append(first, len(rows)).astype(np.int64),
        time=time - np.repeat(time[starts], np.diff(np.append(starts, len(first)))),
        position=position,
        line_of_sight=np.full(len(first), np.nan),
        pci=names.pci,
        technology=names.technology,
        channel=names.channel,
        identity=names.identity,
        serving=serving,
        beam=np.full(len(rows), -1),
        features=features,
        censored=censored,
        feature_names=(*CRITICAL, "time_of_arrival")[: features.shape[1]],
    )
    again = Counter({"cells that the report has already": len(measured) - len(rows)})
    return SequencedRows(reports, rows, again, notes)


@dataclass(frozen=True)
class _ArrangedRows:
    """Rows by device, time and scan, each cell once a scan."""

    rows: Int[np.ndarray, " token"]
    begins: Bool[np.ndarray, " token"]
    """Whether a report begins at the row."""
    device: Int[np.ndarray, " token"]
    time: Float[np.ndarray, " token"]
    """Time of the row's scan [s since 1970]."""


def _arranged(measured: Measurements) -> _ArrangedRows:
    """Of two rows of one cell in a scan the serving one stays, or else the stronger."""
    device = np.unique(measured.device, return_inverse=True)[1].reshape(-1)
    scan = np.unique(measured.scan, return_inverse=True)[1].reshape(-1)
    time = _scan_times(measured, device)
    names = token_names(measured)
    cell = np.stack([names.identity, names.channel, names.technology, names.pci])
    order = np.lexsort((-measured.rsrp, ~measured.serving, *cell, scan, time, device))
    begins = _changes(np.stack([device, time, scan])[:, order])
    kept = begins | _changes(cell[:, order].astype(float))
    rows = order[kept]
    return _ArrangedRows(rows, begins[kept], device[rows], time[rows])


def _sequence_starts(
    device: Int[np.ndarray, " report"], time: Float[np.ndarray, " report"], gap: float
) -> Int[np.ndarray, " sequence"]:
    """Where a device or a gap begins a sequence; reports that all have one time are no sequence, each stands alone."""
    starts = _changes(device[None].astype(float))
    starts[1:] |= np.diff(time) > gap
    sequence = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    moves = np.maximum.reduceat(time, first) > np.minimum.reduceat(time, first)
    return np.flatnonzero(starts | ~moves[sequence])


def _changes(keys: Float[np.ndarray, "key row"]) -> Bool[np.ndarray, " row"]:
    changed = np.ones(keys.shape[1], bool)
    changed[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return changed


def _scan_times(measured: Measurements, device: Int[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """The time of each row's scan, which is that of its earliest row; a row without a scan has its own."""
    keys = np.char.add(np.char.add(device.astype(np.str_), " "), measured.scan)
    scan = np.unique(keys, return_inverse=True)[1].reshape(-1)
    earliest = np.full(int(scan.max()) + 1, np.inf)
    np.minimum.at(earliest, scan, measured.time)
    return np.where(measured.scan == "", measured.time, earliest[scan])


def _one_serving(
    serving: Bool[np.ndarray, " token"], report: Int[np.ndarray, " token"]
) -> tuple[Bool[np.ndarray, " token"], int]:
    """The first serving token of each report, and how many more there were."""
    marked = np.flatnonzero(serving)
    first = marked[np.unique(report[marked], return_index=True)[1]]
    kept = np.zeros(len(serving), bool)
    kept[first] = True
    return kept, len(marked) - len(first)


def _positions(
    measured: Measurements,
    rows: Int[np.ndarray, " token"],
    report: Int[np.ndarray, " token"],
    place: Place | Area,
) -> tuple[Float[np.ndarray, "report 3"], Counter[str]]:
    """The true position of each report, that of the first of its rows that has one."""
    position, notes = np.full((int(report[-1]) + 1, 3), np.nan), Counter[str]()
    known = np.flatnonzero(~np.isnan(measured.latitude[rows]))
    of, index = np.unique(report[known], return_index=True)
    notes["reports without a true position"] += len(position) - len(of)
    if len(of) and not place.frame.georeferenced:
        notes["true positions left out, since the place has no latitude and longitude"] += len(of)
    elif len(of):
        where = rows[known[index]]
        xy = place.frame.to_local(measured.latitude[where], measured.longitude[where])
        position[of] = np.column_stack([xy, ue_heights(place, xy)])
        outside = int(np.count_nonzero(~contains(place, xy)))
        notes["reports whose true position lies outside the place"] += outside
    return position, notes


def _numerologies(names: TokenNames, deployment: Deployment) -> Int[np.ndarray, " token"]:
    """Numerology of the carrier of each row's cell; of an unknown cell that of LTE, or else of the first carrier."""
    of_carrier = np.array([carrier.numerology for carrier in deployment.carriers])
    found = np.where(np.isin(names.technology, (LTE, NB_IOT)), 0, of_carrier[0])
    candidates = deployment.candidates(names)
    first = candidates.cells[candidates.rows.starts]
    found[candidates.known] = of_carrier[deployment.carrier_of_cell[first]]
    return found


def _features(
    measured: Measurements,
    rows: Int[np.ndarray, " token"],
    serving: Bool[np.ndarray, " token"],
    technology: Int[np.ndarray, " token"],
    numerology: Int[np.ndarray, " token"],
) -> tuple[Float[np.ndarray, "token feature"], Int[np.ndarray, "token feature"], int]:
    """The critical features, times of arrival where the log has any; what is censored; left out timing advances."""
    features = np.full((len(rows), len(CRITICAL)), np.nan)
    censored = np.zeros(features.shape, np.int8)
    for name in ("rsrp", "rsrq", "sinr"):
        column = CRITICAL.index(name)
        found = logged_levels(getattr(measured, name)[rows], FEATURES[column], technology)
        features[:, column], censored[:, column] = found
    column = CRITICAL.index("timing_advance")
    step = np.array([timing_advance_step(each) for each in range(LARGEST_NUMEROLOGY + 1)])[numerology]
    steps = np.round(measured.timing_advance[rows] / step)
    least, most = logged_range(FEATURES[column], technology)
    kept = serving & (steps >= least) & (steps <= most)
    features[kept, column], censored[kept, column] = steps[kept], (steps == most)[kept]
    if not np.isnan(measured.time_of_arrival).all():
        features = np.column_stack([features, measured.time_of_arrival[rows]])
        censored = np.column_stack([censored, np.zeros(len(rows), np.int8)])
    return features, censored, int(np.count_nonzero(~np.isnan(steps) & ~kept))
