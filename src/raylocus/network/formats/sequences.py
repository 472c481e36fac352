"""Rows of heard cells as `Reports`: scans become reports, and a device's reports become sequences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.network.formats.measurements import Measurements
from raylocus.network.reports.features import CRITICAL, FEATURES
from raylocus.network.reports.reports import Reports
from raylocus.scenes.place import Place
from raylocus.scenes.sites import UE_HEIGHT
from raylocus.units import timing_advance_step

#: Longest time between two reports of one sequence [s].
GAP = 60.0


@dataclass(frozen=True)
class SequencedRows:
    """Reports, and the rows that they are made of."""

    reports: Reports
    rows: Int[np.ndarray, "token"]
    """Index of each token's row among the measurements."""
    refused: Counter[str]
    notes: Counter[str]


def sequence_rows(measured: Measurements, place: Place, gap: float = GAP) -> SequencedRows:
    """Reports of rows, each with a PCI and a level.

    Args:
        measured: the rows, at least one.
        place: whose frame and ground the true positions lie in.
        gap: a longer time between two reports of a device [s] begins a new sequence.
    """
    device = np.unique(measured.device, return_inverse=True)[1].reshape(-1)
    time = _scan_times(measured, device)
    scan = np.unique(measured.scan, return_inverse=True)[1].reshape(-1)
    order = np.lexsort((-measured.rsrp, ~measured.serving, measured.pci, scan, time, device))
    keys = np.stack([device, time, scan])[:, order]
    begins = _changes(keys)
    repeated = ~begins & ~_changes(measured.pci[order][None])
    rows, begins = order[~repeated], begins[~repeated]
    first = np.flatnonzero(begins)
    moments, devices = time[rows][first], device[rows][first]
    fresh = _changes(devices[None].astype(float))
    fresh[1:] |= np.diff(moments) > gap
    serving, further = _one_serving(measured.serving[rows], np.cumsum(begins) - 1)
    position, notes = _positions(measured, rows, begins, place)
    notes["further serving cells of one report, taken as heard"] += further
    features, advances = _features(measured, rows, serving, place)
    notes["timing advances that are not of the serving cell or out of range, left out"] += advances
    reports = Reports(
        report_offsets=np.append(np.flatnonzero(fresh), len(first)).astype(np.int64),
        token_offsets=np.append(first, len(rows)).astype(np.int64),
        time=moments - np.repeat(moments[fresh], np.diff(np.append(np.flatnonzero(fresh), len(first)))),
        position=position,
        line_of_sight=np.full(len(first), np.nan),
        pci=measured.pci[rows].astype(np.int64),
        serving=serving,
        beam=np.full(len(rows), -1),
        features=features,
        censored=np.zeros((len(rows), len(CRITICAL)), np.int8),
    )
    again = Counter({"PCI that the report has already": int(np.count_nonzero(repeated))})
    return SequencedRows(reports, rows, again, notes)


def _changes(keys: Float[np.ndarray, "key row"]) -> Bool[np.ndarray, "row"]:
    changed = np.ones(keys.shape[1], bool)
    changed[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return changed


def _scan_times(measured: Measurements, device: Int[np.ndarray, "row"]) -> Float[np.ndarray, "row"]:
    """The time of each row's scan, which is that of its earliest row; a row without a scan has its own."""
    keys = np.char.add(np.char.add(device.astype(np.str_), " "), measured.scan)
    scan = np.unique(keys, return_inverse=True)[1].reshape(-1)
    earliest = np.full(int(scan.max()) + 1, np.inf)
    np.minimum.at(earliest, scan, measured.time)
    return np.where(measured.scan == "", measured.time, earliest[scan])


def _one_serving(
    serving: Bool[np.ndarray, "token"], report: Int[np.ndarray, "token"]
) -> tuple[Bool[np.ndarray, "token"], int]:
    """The first serving token of each report, and how many there were beside."""
    marked = np.flatnonzero(serving)
    first = marked[np.unique(report[marked], return_index=True)[1]]
    kept = np.zeros(len(serving), bool)
    kept[first] = True
    return kept, len(marked) - len(first)


def _positions(
    measured: Measurements, rows: Int[np.ndarray, "token"], begins: Bool[np.ndarray, "token"], place: Place
) -> tuple[Float[np.ndarray, "report 3"], Counter[str]]:
    """The true position of each report: the first of its rows that has one, at the height of UEs over the ground."""
    report = np.cumsum(begins) - 1
    position, notes = np.full((int(begins.sum()), 3), np.nan), Counter[str]()
    known = np.flatnonzero(~np.isnan(measured.latitude[rows]))
    of, index = np.unique(report[known], return_index=True)
    notes["reports without a true position"] += len(position) - len(of)
    if not len(of):
        return position, notes
    if not place.frame.georeferenced:
        notes["true positions left out, since the place has no latitude and longitude"] += len(of)
        return position, notes
    where = rows[known[index]]
    xy = place.frame.to_local(measured.latitude[where], measured.longitude[where])
    inside = place.tile.contains(xy)
    notes["reports whose true position lies outside the place's tile"] += int(np.count_nonzero(~inside))
    terrain = place.geometry_maps["terrain"].values.ravel()[place.tile.index(xy)]
    position[of] = np.column_stack([xy, np.where(inside, terrain, np.nan) + UE_HEIGHT])
    return position, notes


def _features(
    measured: Measurements, rows: Int[np.ndarray, "token"], serving: Bool[np.ndarray, "token"], place: Place
) -> tuple[Float[np.ndarray, "token feature"], int]:
    """The critical features, and how many timing advances were left out."""
    features = np.full((len(rows), len(CRITICAL)), np.nan)
    for name in ("rsrp", "rsrq", "sinr"):
        features[:, CRITICAL.index(name)] = getattr(measured, name)[rows]
    column = CRITICAL.index("timing_advance")
    steps = np.round(measured.timing_advance[rows] / timing_advance_step(place.deployment.carrier.numerology))
    kept = serving & (steps >= FEATURES[column].low) & (steps <= FEATURES[column].high)
    features[kept, column] = steps[kept]
    return features, int(np.count_nonzero(~np.isnan(steps) & ~kept))
