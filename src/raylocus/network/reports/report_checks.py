"""Are reports what a network can report? Ranges, order, one row a cell; and what is repaired, with its count.

Ranges are those of `features.csv`. What cannot be is refused by row and column, because a value that is
located all the same is a confident wrong fix.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.errors import InputError
from raylocus.network.reports.features import ReportFeature, features_named
from raylocus.network.reports.reports import NotedReports, Reports, cell_names
from raylocus.ragged import Rows

#: Highest PCI (TS 38.211 §7.4.2.1) and SSB index (TS 38.213 §4.1).
HIGHEST_PCI, HIGHEST_BEAM = 1007, 63
#: How far below its range a level may lie that is reported as a difference from the strongest [dB]
#: (TS 38.133 Tables 10.1.6.1-2 and 10.1.16.1-2).
DIFFERENTIAL = {"l1_rsrp": 30.0, "l1_sinr": 15.0}
#: Numbers that stand for no value in logs, and where they come from.
SENTINELS = {
    2147483647.0: "which Android writes where it has none (CellInfo.UNAVAILABLE)",
    -2147483648.0: "which is the smallest integer",
    float(2**63 - 1): "which Android writes where it has none (CellInfo.UNAVAILABLE_LONG)",
    **dict.fromkeys((32767.0, -32768.0, 65535.0), "which is the end of a 16-bit integer"),
    **dict.fromkeys((-999.0, -9999.0, 999.0, 9999.0, 255.0), "as many tools write"),
}
#: Values of an index, and what it stands for (TS 36.133 Tables 9.1.4-1 and 9.1.7-1, TS 38.133 Tables 10.1.6.1-1,
#: 10.1.11.1-1 and 10.1.16.1-1); the level is the lower edge of the index's bin.
_LEVEL_INDEX = "an index of TS 36.133 is value - 141, of TS 38.133 value - 157"
INDICES = {
    **dict.fromkeys(("rsrp", "l1_rsrp", "prs_rsrp", "srs_rsrp"), _LEVEL_INDEX),
    "rsrq": "an index of TS 36.133 is value / 2 - 20, of TS 38.133 value / 2 - 43.5",
    "sinr": "an index of TS 36.133 or TS 38.133 is value / 2 - 23.5",
    "l1_sinr": "an index of TS 38.133 is value / 2 - 23.5",
}
LAST_INDEX = 127
#: Rounding of stored values, as a share of the range.
_ROUNDING = 1e-6


def check_reports(reports: Reports, source: Path) -> None:
    """Refuses reports that no network can have made.

    The rows of messages are tokens of the reports, counted from 0.

    Raises:
        InputError: a value is out of range, times descend, or a report has a cell twice or two serving cells.
    """
    for index, feature in enumerate(features_named(reports.feature_names)):
        _refuse_out_of_range(reports.features[:, index], feature, source)
    _refuse_outside(reports.pci, (0, HIGHEST_PCI), "pci", source)
    _refuse_outside(reports.beam, (-1, HIGHEST_BEAM), "beam", source)
    _refuse_outside(
        reports.censored.ravel(), (-1, 1), "a column NAME_censored", source, reports.censored.shape[1]
    )
    _refuse_order(reports, source)
    _refuse_truth(reports, source)
    _refuse_repeated(reports, source)
    _refuse_two_serving(reports, source)


def _refuse(source: Path, row: int | np.integer, why: str) -> NoReturn:
    raise InputError(f"{source}, row {row}: {why}")


def repaired_reports(reports: Reports) -> NotedReports:
    """Reports whose time begins with each sequence, without values that are not of their token.

    A timing advance, for one, is of the serving cell; at a neighbour it is left out. Notes count what was repaired
    or is unusual.
    """
    rows = Rows(reports.report_offsets)
    first = reports.time[rows.first]
    values, left = _of_their_tokens(reports)
    notes = [f"{name} of rows that it is not of, left out: {count}" for name, count in left.items()]
    shifted = int(np.count_nonzero(reports.time[rows.starts]))
    if shifted:
        notes.append(f"sequences whose time was counted from their first report: {shifted}")
    notes += _unusual(reports)
    censored = np.where(np.isnan(values), 0, reports.censored).astype(reports.censored.dtype)
    repaired = dataclasses.replace(reports, time=reports.time - first, features=values, censored=censored)
    return NotedReports(repaired, tuple(notes))


def _unusual(reports: Reports) -> list[str]:
    """What can be, and still deserves a look."""
    notes = []
    marked = _served(reports)
    if not marked.all():
        notes.append(f"reports that mark no serving cell: {np.count_nonzero(~marked)}")
    rsrq = reports.features[:, reports.feature_names.index("rsrq")]
    known = rsrq[~np.isnan(rsrq)]
    if len(known) and known.min() > 0:
        notes.append(f"rsrq is above 0 dB in every row, which is rare; {INDICES['rsrq']}: {len(known)}")
    return notes


def _served(reports: Reports) -> Bool[np.ndarray, " report"]:
    """Whether each report marks a serving cell."""
    return np.bincount(reports.report_of_token[reports.serving], minlength=len(reports.time)) > 0


def _of_their_tokens(reports: Reports) -> tuple[Float[np.ndarray, "token feature"], dict[str, int]]:
    """The values at tokens of their kind, and by feature how many others there were."""
    whole = reports.beam < 0
    serves = whole & (reports.serving | ~_served(reports)[reports.report_of_token])
    places = {"cell": whole, "serving": serves, "beam": ~whole}
    values = reports.features.copy()
    left = {}
    for index, feature in enumerate(features_named(reports.feature_names)):
        misplaced = ~places[feature.token] & ~np.isnan(values[:, index])
        if misplaced.any():
            left[feature.name] = int(np.count_nonzero(misplaced))
            values[misplaced, index] = np.nan
    return values, left


def _refuse_out_of_range(values: Float[np.ndarray, " token"], feature: ReportFeature, source: Path) -> None:
    slack = _ROUNDING * (feature.high - feature.low)
    low = feature.low - DIFFERENTIAL.get(feature.name, 0.0)
    bad = np.flatnonzero((values < low - slack) | (values > feature.high + slack))
    if len(bad):
        value = float(values[bad[0]])
        unit = "" if feature.unit == "1" else f" {feature.unit}"
        more = f" ({len(bad)} rows)" if len(bad) > 1 else ""
        between = f"{feature.name} {_plain(value)} is not between {low:g} and {feature.high:g}{unit}"
        _refuse(source, bad[0], f"{between}{more}{_hint(value, feature)}")


def _hint(value: float, feature: ReportFeature) -> str:
    """What a value out of range may be meant as."""
    if value in SENTINELS:
        return f"; it stands for no value, {SENTINELS[value]}: leave it null"
    if feature.name in INDICES and 0 <= value <= LAST_INDEX and value == round(value):
        lost = feature.unit == "dBm" and feature.low <= -value <= feature.high
        return f"; {INDICES[feature.name]}{', and where the sign was lost it is -value' if lost else ''}"
    return "; leave it null where it is not known"


def _plain(value: float) -> str:
    return str(int(value)) if value == round(value) else f"{value:g}"


def _refuse_outside(
    values: Int[np.ndarray, " _"], between: tuple[int, int], name: str, source: Path, width: int = 1
) -> None:
    bad = np.flatnonzero((values < between[0]) | (values > between[1]))
    if len(bad):
        range_of = f"is not between {between[0]} and {between[1]}; correct it or leave the row out"
        _refuse(source, bad[0] // width, f"{name} {values[bad[0]]} {range_of}")


def _refuse_order(reports: Reports, source: Path) -> None:
    rows, unknown = reports.token_offsets, np.flatnonzero(~np.isfinite(reports.time))
    back = np.flatnonzero((np.diff(reports.time) < 0) & (np.diff(reports.sequence_of_report) == 0)) + 1
    if len(unknown):
        _refuse(source, rows[unknown[0]], "time is missing; every report needs one")
    if len(back):
        earlier, later = reports.time[back[0] - 1 : back[0] + 1]
        remedy = "sort the reports of a sequence by time, and number two phones as two sequences"
        _refuse(source, rows[back[0]], f"time {later:g} s follows {earlier:g} s in one sequence; {remedy}")
    first, last = reports.report_offsets[:-1], reports.report_offsets[1:] - 1
    several = first[last > first]
    ends = reports.time[last[last > first]]
    still = several[reports.time[several] == ends]
    if len(still):
        same = f"time {reports.time[still[0]]:g} s is that of all reports of its sequence"
        _refuse(source, rows[still[0]], f"{same}; give the time of each in seconds, or a sequence to each")


def _refuse_truth(reports: Reports, source: Path) -> None:
    """Refuses half of a position, and a line of sight that is neither there nor not."""
    known = np.isfinite(reports.position[:, :2])
    half = np.flatnonzero(known.any(axis=1) & ~known.all(axis=1))
    if len(half):
        _refuse(source, reports.token_offsets[half[0]], "one of x and y is missing; give both or none")
    odd = np.flatnonzero((reports.line_of_sight < 0) | (reports.line_of_sight > 1))
    if len(odd):
        outside = f"line_of_sight {reports.line_of_sight[odd[0]]:g} is not between 0 and 1"
        _refuse(source, reports.token_offsets[odd[0]], f"{outside}; leave it null where it is not known")


def _refuse_repeated(reports: Reports, source: Path) -> None:
    report = reports.report_of_token
    names = np.stack([report, reports.beam, *cell_names(reports)])
    order = np.lexsort(names)
    keys = names[:, order]
    again = np.flatnonzero((keys[:, 1:] == keys[:, :-1]).all(axis=0))
    if len(again):
        row = order[again + 1].min()
        what = f"PCI {reports.pci[row]}" + (f", beam {reports.beam[row]}," if reports.beam[row] >= 0 else "")
        repeated = f"pci {reports.pci[row]} repeats: {what} is in this report already"
        _refuse(source, row, f"{repeated}; a report has one row a cell and one a beam of a cell")


def _refuse_two_serving(reports: Reports, source: Path) -> None:
    rows = np.flatnonzero(reports.serving)
    report, names = reports.report_of_token[rows], cell_names(reports)[:, rows]
    other: Bool[np.ndarray, " _"] = (np.diff(report) == 0) & (np.diff(names) != 0).any(axis=0)
    if other.any():
        row = rows[np.flatnonzero(other)[0] + 1]
        second = f"serving is true of a second cell, PCI {reports.pci[row]}"
        _refuse(source, row, f"{second}, in one report; mark one")
